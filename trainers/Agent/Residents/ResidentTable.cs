using FineTuneGrid.Agent.Sessions;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Training;

namespace FineTuneGrid.Agent.Residents;

/// <summary>
/// The bases that a node keeps in memory to answer questions with. Each organisation's are its own. Where there are as many as may be, one
/// that nobody asks makes room for another.
/// </summary>
internal sealed class ResidentTable(SessionServices services, PiecePump pieces) : IAsyncDisposable
{
    /// <summary>Questions that wait for their answers at once.</summary>
    private const int MostQuestions = 64;

    /// <summary>Processes that may leave one after the other just before they are asked.</summary>
    private const int MostAttempts = 3;

    private readonly Lock _gate = new();
    private readonly Dictionary<string, ResidentHost> _hosts = [];
    private TaskCompletionSource _changed = New();
    private long _clock;
    private int _questions;

    /// <param name="folder">The task's own; what it is asked with is put there.</param>
    public async Task<TrainerTaskReply> AskAsync(TrainerTask task, string folder, CancellationToken stop)
    {
        if (Interlocked.Increment(ref _questions) > MostQuestions)
        {
            Interlocked.Decrement(ref _questions);
            return new TrainerTaskReply(task.TaskId, new GridError(ErrorCodes.RateLimited, $"Node {services.Options.NodeId} answers {MostQuestions} questions already; try again in a moment."));
        }
        try
        {
            AtomicFile.Write(Path.Combine(folder, TrainerProtocol.TaskFile), task);
            for (var attempt = 0; attempt < MostAttempts; attempt++)
            {
                var host = await ReserveAsync(task, stop);
                try
                {
                    if (await host.AskAsync(task.TaskId, folder, stop) is { } reply) return reply;
                }
                finally
                {
                    Change(() => host.Users--);
                }
            }
            return new TrainerTaskReply(task.TaskId, new GridError(ErrorCodes.Unavailable, "No process stayed to answer; try again."));
        }
        finally
        {
            Interlocked.Decrement(ref _questions);
        }
    }

    /// <summary>A job takes the machine's memory: bases that nobody asks at the moment leave theirs.</summary>
    public void ReleaseIdle()
    {
        lock (_gate)
            foreach (var host in _hosts.Values.Where(h => h.Users == 0)) host.Close();
    }

    public async ValueTask DisposeAsync()
    {
        ResidentHost[] hosts;
        lock (_gate) hosts = [.. _hosts.Values];
        foreach (var host in hosts) host.Close();
        await Task.WhenAll(hosts.Select(h => h.Ended));
    }

    /// <summary>The base's process, started where there is none; counted as used.</summary>
    private async Task<ResidentHost> ReserveAsync(TrainerTask task, CancellationToken stop)
    {
        var key = $"{task.Model.Digest}/{task.Device}/{task.Org}";
        while (true)
        {
            Task wait;
            lock (_gate)
            {
                foreach (var (old, host) in _hosts.Where(h => h.Value.Ended.IsCompleted).ToArray()) _hosts.Remove(old);
                if (!_hosts.ContainsKey(key) && _hosts.Count < services.Options.MostResidents) _hosts.Add(key, Start(task));
                if (_hosts.TryGetValue(key, out var found) && !found.IsClosing)
                {
                    (found.Users, found.LastUse) = (found.Users + 1, ++_clock);
                    return found;
                }
                // One at a time: what it leaves is not free before it has ended.
                if (!_hosts.Values.Any(h => h.IsClosing)) _hosts.Values.Where(h => h.Users == 0).MinBy(h => h.LastUse)?.Close();
                wait = Task.WhenAny([_changed.Task, .. _hosts.Values.Select(h => h.Ended)]);
            }
            await wait.WaitAsync(stop);
        }
    }

    private ResidentHost Start(TrainerTask task) => new(Path.Combine(services.Options.ResidentsDirectory, Guid.NewGuid().ToString("N")), task, services, pieces);

    private void Change(Action change)
    {
        lock (_gate)
        {
            change();
            _changed.SetResult();
            _changed = New();
        }
    }

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
