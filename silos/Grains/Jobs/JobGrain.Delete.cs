using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Jobs;

namespace FineTuneGrid.Grains.Jobs;

/// <summary>The deletion of a job that is over. What a crash leaves behind the tombstone is housekeeping's.</summary>
public sealed partial class JobGrain
{
    public async Task Delete()
    {
        await _state.UpdateAsync(state => Tombstone(Require(state)));
        _changed.Pulse();
        await Pool.Forget(Id);
        await foreach (var blob in _blobs.ListAsync($"jobs/{Id}/"))
            await _blobs.DeleteAsync(blob.Key);
    }

    private JobState Tombstone(JobState state) => state.Live || !state.Status.IsTerminal()
        ? throw new GridException(ErrorCodes.Conflict, $"The job '{Id}' is not over; cancel it and wait for its end before deleting it.")
        : state with { Deleted = true, Plan = null, Checkpoints = [], Events = new EventLog(), Result = null, Error = null };

    private GridException Gone() => new(ErrorCodes.Conflict, $"The job '{Id}' was deleted; submit with a new Idempotency-Key.", "Idempotency-Key");
}
