using System.Collections.Concurrent;
using System.Threading.Channels;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Jobs;
using FineTuneGrid.Contracts.Nodes;
using FineTuneGrid.Contracts.Training;

namespace FineTuneGrid.Grains.Tests.Support;

/// <summary>A node agent without trainers: renews, polls, and says what a test tells it to say.</summary>
internal sealed class FakeAgent : IAsyncDisposable
{
    private readonly INodeGrain _node;
    private readonly string _id;
    private readonly CancellationTokenSource _stop = new();
    private readonly Channel<NodeCommand> _commands = Channel.CreateUnbounded<NodeCommand>();
    private readonly List<Task> _loops = [];
    private readonly Dictionary<string, SessionStatus> _sessions = [];
    private readonly ConcurrentQueue<string> _told = new();
    private long _seq;

    private FakeAgent(INodeGrain node, string id) => (_node, _id) = (node, id);

    public string Incarnation { get; } = Guid.NewGuid().ToString("N");

    /// <summary>Commands up to here are with this machine.</summary>
    public long Cursor { get; private set; }

    public int Slots { get; private init; } = 1;

    public IReadOnlyList<string> Features { get; private init; } = [];

    public static async Task<FakeAgent> StartAsync(
        TestGrid grid, string id = "n1", long cursor = 0, IReadOnlyList<SessionStatus>? sessions = null, int slots = 1, bool collectives = true)
    {
        var agent = new FakeAgent(grid.Grains.GetGrain<INodeGrain>(id), id)
        {
            Cursor = cursor, Slots = slots, Features = collectives ? [NodeFeatures.Collectives] : [],
        };
        foreach (var session in sessions ?? [])
            agent._sessions[session.SessionId] = session;
        var welcome = await agent._node.Register(agent.Registration());
        agent._loops.Add(agent.RenewAsync(welcome));
        agent._loops.Add(agent.PollAsync());
        return agent;
    }

    public NodeRegistration Registration() => new(
        _id, Incarnation, "host", "test", [.. Enumerable.Range(0, Slots).Select(i => new NodeSlot(i, "cpu", 8L << 30, 2, "test-cpu"))], Sessions(), Features);

    public async Task<T> NextAsync<T>() where T : NodeCommand
    {
        using var limit = new CancellationTokenSource(TestGrid.Limit);
        try
        {
            while (true)
                if (await _commands.Reader.ReadAsync(limit.Token) is T command)
                    return command;
        }
        catch (OperationCanceledException)
        {
            throw new TimeoutException($"The node should get a {typeof(T).Name}; it got: {string.Join("; ", _told)}.");
        }
    }

    public Task ReportAsync(string session, TrainerReport report) =>
        _node.Report(Incarnation, new List<NodeReport> { new(session, report with { Seq = ++_seq }) });

    public Task SessionEndedAsync(string session, params SessionJob[] jobs)
    {
        lock (_sessions)
            _sessions.Remove(session);
        return _node.Report(Incarnation, new List<NodeReport> { new(session, Ended: new SessionEnded(139, "SIGSEGV", jobs, "the end")) });
    }

    public Task AttachedAsync(StartJob start, int fromStep = 0) =>
        ReportAsync(start.SessionId, new JobAttached(start.Order.JobId, start.Order.Epoch, fromStep, []));

    public Task StepsAsync(StartJob start, int from, int to) => ReportAsync(start.SessionId, new JobSteps(start.Order.JobId, start.Order.Epoch,
        [.. Enumerable.Range(from, to - from + 1).Select(s => new StepMetrics { Step = s, Attempt = start.Order.Epoch, TrainLoss = 1.0 / s, Tokens = 10, Seconds = 0.1 })]));

    public Task CommittedAsync(StartJob start, int step) =>
        ReportAsync(start.SessionId, new JobCommitted(start.Order.JobId, start.Order.Epoch, step, step * 16, $"m{step}", $"a{step}", $"o{step}", 0.1));

    public Task FinishedAsync(StartJob start) => ReportAsync(start.SessionId, new JobFinished(start.Order.JobId, start.Order.Epoch, "m10", Result()));

    public Task DetachedAsync(StartJob start, int step, string reason = "asked") =>
        ReportAsync(start.SessionId, new JobDetached(start.Order.JobId, start.Order.Epoch, reason, step));

    public static JobResult Result(double? validLoss = 0.4) => new()
    {
        Steps = 10, TrainLoss = 0.5, ValidLoss = validLoss, WeightsSha256 = "w", TrainableParameters = 100, TokensSeen = 5000, TrainSeconds = 1,
    };

    /// <summary>Falls silent without a word, as a machine does that loses its power.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_loops);
    }

    private List<SessionStatus> Sessions()
    {
        lock (_sessions)
            return [.. _sessions.Values];
    }

    private void Remember(NodeCommand command)
    {
        _told.Enqueue(command is StartJob s ? $"start {s.Order.JobId}/{s.Order.Epoch}" : command.ToString());
        if (command is not StartJob start)
            return;
        lock (_sessions)
            _sessions[start.SessionId] = new SessionStatus(start.SessionId, start.Slot, true, null, null, [new SessionJob(start.Order.JobId, start.Order.Epoch)]);
    }

    /// <summary>What every agent answers of itself; all else is the test's to tell.</summary>
    private async Task AnswerAsync(NodeCommand command)
    {
        if (command is not StopJob stop)
            return;
        lock (_sessions)
            if (_sessions.ContainsKey(stop.SessionId))
                return;
        var gone = new SessionEnded(null, null, [new SessionJob(stop.JobId, stop.Epoch)], "", new GridError(ErrorCodes.Unavailable, "not here"));
        await _node.Report(Incarnation, new List<NodeReport> { new(stop.SessionId, Ended: gone) });
    }

    private async Task RenewAsync(NodeWelcome welcome)
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                await _node.Renew(Incarnation, Sessions());
                await Task.Delay(TimeSpan.FromSeconds(Math.Min(welcome.RenewSeconds, 0.2)), _stop.Token);
            }
            catch (Exception) when (_stop.IsCancellationRequested)
            {
                return;
            }
            catch (GridException)
            {
                return;
            }
        }
    }

    private async Task PollAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                foreach (var command in await _node.Poll(Incarnation, Cursor, 0.5))
                {
                    Remember(command);
                    Cursor = command.Seq;
                    await AnswerAsync(command);
                    await _commands.Writer.WriteAsync(command);
                }
            }
            catch (Exception e) when (_stop.IsCancellationRequested || e is GridException)
            {
                return;
            }
        }
    }
}
