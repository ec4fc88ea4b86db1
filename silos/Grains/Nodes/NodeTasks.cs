using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Training;

namespace FineTuneGrid.Grains.Nodes;

/// <summary>Tasks that somebody waits for, in memory: their replies, and what they have told meanwhile. Used on the grain's scheduler only.</summary>
internal sealed class NodeTasks
{
    /// <summary>Pieces that are kept for a listener who is slow. Those beyond are left out: the reply holds the whole.</summary>
    private const int MostPieces = 4096;

    private readonly Dictionary<string, Waiting> _tasks = [];
    private readonly Signal _changed = new();

    private sealed class Waiting
    {
        public TaskCompletionSource<TrainerTaskReply> Reply { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public List<CompletionPiece> Pieces { get; } = [];
    }

    public Task<TrainerTaskReply> Begin(string taskId)
    {
        var waiting = new Waiting();
        _tasks[taskId] = waiting;
        _changed.Pulse();
        return waiting.Reply.Task;
    }

    public void End(string taskId)
    {
        _tasks.Remove(taskId);
        _changed.Pulse();
    }

    public void Answer(TrainerTaskReply reply)
    {
        if (_tasks.TryGetValue(reply.TaskId, out var waiting))
            waiting.Reply.TrySetResult(reply);
    }

    public void Fail(Func<string, bool> which, GridError error)
    {
        foreach (var (id, waiting) in _tasks.Where(t => which(t.Key)).ToList())
            waiting.Reply.TrySetResult(new TrainerTaskReply(id, error));
    }

    public void Say(IReadOnlyList<TaskPieces> said)
    {
        foreach (var (taskId, pieces) in said)
        {
            if (_tasks.TryGetValue(taskId, out var waiting))
                waiting.Pieces.AddRange(pieces.Take(MostPieces - waiting.Pieces.Count));
        }
        _changed.Pulse();
    }

    /// <summary>
    /// What the task has told since the last call. Waits for something; a task that has not begun may still do so. Nothing, and at once, where
    /// it is answered.
    /// </summary>
    public async Task<IReadOnlyList<CompletionPiece>> ListenAsync(string taskId, TimeSpan wait, TimeProvider time)
    {
        var until = time.GetUtcNow() + wait;
        var seen = false;
        while (true)
        {
            var waiting = _tasks.GetValueOrDefault(taskId);
            var pieces = waiting?.Pieces.ToArray() ?? [];
            waiting?.Pieces.Clear();
            if (pieces.Length > 0 || waiting is { Reply.Task.IsCompleted: true } || (waiting is null && seen) || time.GetUtcNow() >= until)
                return pieces;
            seen = waiting is not null;
            await _changed.WaitAsync(until - time.GetUtcNow(), time);
        }
    }
}
