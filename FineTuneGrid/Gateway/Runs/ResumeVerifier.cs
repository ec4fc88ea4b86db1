using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Contracts.Training;
using Orleans;

namespace FineTuneGrid.Gateway.Runs;

/// <summary>Lets a free slot train a window of a job again, as a proof that a resume is one.</summary>
public sealed class ResumeVerifier(IGrainFactory grains, TimeProvider time)
{
    /// <summary>Waits for the replay. Cancelling ends it on its node.</summary>
    /// <exception cref="GridException">
    /// <c>conflict</c> or <c>invalid_value</c>: there is no such window; <c>unavailable</c>: no slot is free; else what the replay
    /// itself refused, such as <c>corrupt_checkpoint</c>.
    /// </exception>
    public async Task<ResumeVerification> VerifyAsync(string jobId, int? fromStep, int? toStep, CancellationToken ct)
    {
        var window = await grains.GetGrain<IJobGrain>(jobId).PlanVerification(fromStep, toStep);
        var order = window.Order;
        var place = FreeSlot.Choose(order.Resolved, await grains.GetGrain<IPoolGrain>(PoolKeys.Default).LiveNodes());
        var model = order.Model ?? order.TokenizerModel ?? throw new GridException(ErrorCodes.Internal, $"The job '{jobId}' has neither a model nor a tokenizer.");
        var task = new TrainerTask(
            Ids.New(Ids.Task, time.GetUtcNow()), BlobAccess.OfNode, place.Slot.Device, order.Resolved.Threads, model, Adapter: null, Verification: window);
        var reply = await grains.GetGrain<INodeGrain>(place.Node.NodeId).Verify(task, ct);
        if (reply.Error is { } error) throw error.ToException();
        var found = reply.Verification ?? throw new GridException(ErrorCodes.Internal, $"The node {place.Node.NodeId} answered a verification with something else.");
        return found with { Note = place.Note(order.Resolved) };
    }
}
