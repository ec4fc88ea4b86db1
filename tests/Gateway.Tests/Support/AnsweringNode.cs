using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Nodes;
using FineTuneGrid.Contracts.Training;
using Orleans;

namespace FineTuneGrid.Gateway.Tests.Support;

/// <summary>
/// A node without trainers before real grains: it takes commands as an agent does, and answers completions with the words of the test, told one
/// after the other.
/// </summary>
internal sealed class AnsweringNode : IAsyncDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    private readonly INodeGrain _node;
    private readonly string _incarnation = Guid.NewGuid().ToString("N");
    private readonly CancellationTokenSource _stop = new();
    private readonly List<TrainerTask> _asked = [];
    private readonly List<string> _stopped = [];
    private TaskCompletionSource _changed = New();
    private Task _loops = Task.CompletedTask;

    private AnsweringNode(INodeGrain node) => _node = node;

    /// <summary>What each choice says, token by token.</summary>
    public IReadOnlyList<string> Words { get; set; } = ["Hel", "lo", " wor", "ld"];

    /// <summary>Words that are told while the answer grows; the others come with the reply alone, as when a piece got lost.</summary>
    public Func<int, bool> IsTold { get; set; } = _ => true;

    /// <summary>While it is set no question is answered to its end.</summary>
    public bool Hangs { get; set; }

    public IReadOnlyList<TrainerTask> Asked
    {
        get
        {
            lock (_asked) return [.. _asked];
        }
    }

    public static async Task<AnsweringNode> StartAsync(IGrainFactory grains, string id)
    {
        var node = new AnsweringNode(grains.GetGrain<INodeGrain>(id));
        NodeSlot[] slots = [new(0, "cpu", 8L << 30, 1, "test-cpu")];
        var welcome = await node._node.Register(new NodeRegistration(id, node._incarnation, "host", "test", slots, Array.Empty<SessionStatus>()));
        node._loops = Task.WhenAll(node.RenewAsync(welcome), node.PollAsync(welcome.LastCommand));
        return node;
    }

    /// <summary>Waits until the node was told that nobody waits for a task any more.</summary>
    public async Task UntilStoppedAsync(string taskId)
    {
        while (true)
        {
            Task changed;
            lock (_asked)
            {
                if (_stopped.Contains(taskId)) return;
                changed = _changed.Task;
            }
            await changed.WaitAsync(Limit);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _loops.ContinueWith(static _ => { }, TaskScheduler.Default);
        await _node.Goodbye(_incarnation);
        _stop.Dispose();
    }

    private async Task RenewAsync(NodeWelcome welcome)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(Math.Min(1, welcome.RenewSeconds)));
        while (await timer.WaitForNextTickAsync(_stop.Token)) await _node.Renew(_incarnation, Array.Empty<SessionStatus>());
    }

    private async Task PollAsync(long cursor)
    {
        while (!_stop.IsCancellationRequested)
        {
            foreach (var command in await _node.Poll(_incarnation, cursor, 2))
            {
                cursor = command.Seq;
                if (command is RunTask run) await AnswerAsync(run.Task);
                if (command is StopTask stop) Note(() => _stopped.Add(stop.TaskId));
            }
        }
    }

    private async Task AnswerAsync(TrainerTask task)
    {
        Note(() => _asked.Add(task));
        var completion = task.Completion!;
        for (var word = 0; word < Words.Count && completion.Stream; word++)
        {
            if (!IsTold(word)) continue;
            var (at, place) = (Words.Take(word).Sum(w => w.Length), word);
            CompletionPiece[] pieces = [.. Enumerable.Range(0, completion.Choices).Select(i => new CompletionPiece(i, at, Words[place], completion.Logprobs is null ? 0 : place, Scores(completion, place, 1)))];
            TaskPieces[] said = [new(task.TaskId, pieces)];
            await _node.Say(_incarnation, said);
        }
        if (Hangs) return;
        Completion[] whole = [.. Enumerable.Range(0, completion.Choices).Select(_ => new Completion(string.Concat(Words), 3, Words.Count, "stop", Scores(completion, 0, Words.Count)))];
        NodeReport[] reports = [new(task.TaskId, Task: new TrainerTaskReply(task.TaskId, Completions: whole))];
        await _node.Report(_incarnation, reports);
    }

    private CompletionLogprobs? Scores(CompletionTask task, int first, int count)
    {
        if (task.Logprobs is not { } likeliest) return null;
        string[] words = [.. Words.Skip(first).Take(count)];
        return new CompletionLogprobs(words, [.. words.Select(_ => (double?)-0.5)],
            likeliest > 0 ? [.. words.Select(w => new Dictionary<string, double> { [w] = -0.5, ["other"] = -1.5 })] : null, [.. words.Select((_, i) => Words.Take(first + i).Sum(w => w.Length))]);
    }

    private void Note(Action change)
    {
        lock (_asked)
        {
            change();
            _changed.SetResult();
            _changed = New();
        }
    }

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
