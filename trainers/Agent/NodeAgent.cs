using FineTuneGrid.Agent.Residents;
using FineTuneGrid.Agent.Sessions;
using FineTuneGrid.Agent.Tasks;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Nodes;
using FineTuneGrid.Contracts.Training;
using FineTuneGrid.Storage;
using Microsoft.Extensions.Logging;

namespace FineTuneGrid.Agent;

/// <summary>
/// The agent of one machine: registers its slots, keeps the lease, takes commands, and watches over trainer processes, which
/// live on when the agent is killed and are adopted by the next one.
/// </summary>
/// <param name="node">Gives the grain reference before every call, in the caller's flow (see <see cref="ControlPlane"/>).</param>
/// <param name="store">Where job logs go.</param>
public sealed partial class NodeAgent(AgentOptions options, Func<INodeGrain> node, IBlobStore store, TimeProvider time, ILogger<NodeAgent> logger)
{
    private const double PollSeconds = 10;
    private static readonly TimeSpan GoodbyeLimit = TimeSpan.FromSeconds(5);

    private readonly IReadOnlyList<NodeSlot> _slots = Hardware.DetectSlots(options);
    private IReadOnlyList<string> _features = [];
    private ControlPlane _control = null!;
    private ReportPump _reports = null!;
    private SessionTable _sessions = null!;

    /// <summary>
    /// Runs until <paramref name="stopping"/>: then trainers checkpoint and end, their reports are delivered, and the node says
    /// goodbye. On <paramref name="abandon"/> it ends at once and leaves the trainers alone, for a next agent to adopt.
    /// </summary>
    /// <exception cref="GridException"><c>in_use</c>: another agent works in this node's folder.</exception>
    public async Task RunAsync(CancellationToken stopping, CancellationToken abandon = default)
    {
        foreach (var folder in new[] { options.Directory, options.SessionsDirectory, options.TasksDirectory, options.ResidentsDirectory })
            AtomicFile.MakePrivateDirectory(folder);
        using var held = HoldFolder();
        // Their processes ended with the agent that had started them.
        foreach (var left in Directory.EnumerateDirectories(options.ResidentsDirectory)) Directory.Delete(left, recursive: true);
        using var work = CancellationTokenSource.CreateLinkedTokenSource(abandon);
        _control = new ControlPlane(node, Describe, (seconds, deadline) => _sessions.Renewed(MakeLease(seconds, deadline)), time, logger);
        _reports = new ReportPump(_control, time, logger);
        var services = new SessionServices(
            options, _slots, store, _reports, () => _control.Welcome.LeaseSeconds - options.LeaseMargin.TotalSeconds, time, logger);
        var pieces = new PiecePump(_control, logger);
        await using var residents = new ResidentTable(services, pieces);
        using var tasks = new TaskRunner(services, residents);
        _sessions = new SessionTable(services, work.Token);
        _sessions.LoadFromDisk();
        try
        {
            using var either = CancellationTokenSource.CreateLinkedTokenSource(stopping, abandon);
            _features = await TrainerFeatures.FindAsync(options, time, logger, either.Token);
            await _control.RegisterAsync(either.Token);
            _sessions.BeginAll();
            var pump = _reports.RunAsync(work.Token);
            var renew = _control.RenewAsync(() => _sessions.Statuses, work.Token);
            var say = pieces.RunAsync(work.Token);
            await PollAsync(tasks, residents, work.Token, either.Token);
            if (!abandon.IsCancellationRequested) await StopAsync(pump);
            await work.CancelAsync();
            await Task.WhenAll(UntilCancelled(pump), UntilCancelled(renew), UntilCancelled(say), UntilCancelled(_sessions.Completion));
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested || abandon.IsCancellationRequested)
        {
            LogStopped();
        }
    }

    /// <summary>Takes commands in order. The cursor moves when a command's effect is on disk, so a crash repeats it at most.</summary>
    private async Task PollAsync(TaskRunner tasks, ResidentTable residents, CancellationToken work, CancellationToken stopping)
    {
        var cursor = new CommandCursor(options.CursorFile);
        if (cursor.Value is null) cursor.MoveTo(_control.Welcome.LastCommand);
        var backoff = new Backoff(time);
        while (!stopping.IsCancellationRequested)
        {
            try
            {
                var commands = await _control.CallAsync((grain, incarnation) => grain.Poll(incarnation, cursor.Value!.Value, PollSeconds), stopping);
                foreach (var command in commands.Where(c => c.Seq > cursor.Value).OrderBy(c => c.Seq))
                {
                    await ExecuteAsync(command, tasks, residents, work);
                    cursor.MoveTo(command.Seq);
                }
                backoff = new Backoff(time);
            }
            catch (OperationCanceledException) when (stopping.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                LogPollFailed(e);
                await UntilCancelled(backoff.WaitAsync(stopping));
            }
        }
    }

    private async Task ExecuteAsync(NodeCommand command, TaskRunner tasks, ResidentTable residents, CancellationToken work)
    {
        LogCommand(command.GetType().Name, command.Seq, command.OperationId);
        switch (command)
        {
            case StartJob start:
                residents.ReleaseIdle();
                await _sessions.StartAsync(start);
                break;
            case StopJob stop:
                if (!_sessions.Stop(stop)) ReportGone(stop.SessionId, [new SessionJob(stop.JobId, stop.Epoch)]);
                break;
            case StopSession stop:
                if (!_sessions.Shutdown(stop)) ReportGone(stop.SessionId, []);
                break;
            case RunTask run:
                tasks.Begin(run.Task, work);
                break;
            case StopTask stop:
                tasks.Stop(stop.TaskId);
                break;
        }
    }

    private void ReportGone(string sessionId, IReadOnlyList<SessionJob> jobs) =>
        _reports.Post(new NodeReport(sessionId, Ended: new SessionEnded(null, null, jobs, "", new GridError(ErrorCodes.Unavailable, "The session does not run on this node."))));

    private async Task StopAsync(Task pump)
    {
        LogStopping();
        await _sessions.StopAllAsync("the node stops", options.StopLimit);
        _reports.Complete();
        try
        {
            await pump.WaitAsync(GoodbyeLimit, time);
            await _control.CallAsync((grain, incarnation) => grain.Goodbye(incarnation), CancellationToken.None).WaitAsync(GoodbyeLimit, time);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            LogNoGoodbye(e); // The control plane is away: what it did not hear is in the session folders.
        }
    }

    private NodeRegistration Describe(string incarnation) =>
        new(options.NodeId, incarnation, Environment.MachineName, options.Build, _slots, _sessions.Statuses, _features);

    private Lease MakeLease(double seconds, long deadline)
    {
        var margin = options.LeaseMargin.TotalSeconds;
        return new Lease(seconds - margin, deadline - (long)(margin * time.TimestampFrequency));
    }

    private FileStream HoldFolder()
    {
        var path = Path.Combine(options.Directory, "agent.lock");
        try
        {
            return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException e)
        {
            throw new GridException(ErrorCodes.InUse, $"Another agent works in '{options.Directory}': stop it, or give this one a node id of its own.", inner: e);
        }
    }

    private static async Task UntilCancelled(Task task)
    {
        try
        {
            await task;
        }
        catch (OperationCanceledException)
        {
            // This is how the task ends.
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Command {Seq}: {Command} ({Operation})")]
    private partial void LogCommand(string command, long seq, string operation);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Commands could not be fetched; it is tried again")]
    private partial void LogPollFailed(Exception exception);

    [LoggerMessage(Level = LogLevel.Information, Message = "Stopping: trainers checkpoint and end")]
    private partial void LogStopping();

    [LoggerMessage(Level = LogLevel.Information, Message = "The agent stopped")]
    private partial void LogStopped();

    [LoggerMessage(Level = LogLevel.Warning, Message = "The control plane did not hear the goodbye")]
    private partial void LogNoGoodbye(Exception exception);
}
