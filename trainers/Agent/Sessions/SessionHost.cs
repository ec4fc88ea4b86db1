using System.Collections.Concurrent;
using System.ComponentModel;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Nodes;
using FineTuneGrid.Contracts.Training;
using FineTuneGrid.Storage;
using Microsoft.Extensions.Logging;

namespace FineTuneGrid.Agent.Sessions;

/// <summary>
/// Watches over one session: starts or adopts its process, keeps a connection to it, passes its reports on, ships its log,
/// and tells of its end. What it is asked to do is in the session's folder before it counts as done.
/// </summary>
internal sealed partial class SessionHost
{
    private static readonly TimeSpan ConnectInterval = TimeSpan.FromMilliseconds(50);

    private readonly SessionFolder _folder;
    private readonly SessionServices _services;
    private readonly LogShipper _log;
    private readonly TaskCompletionSource _processEnded = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly SessionPlacement _placement;
    private readonly Lock _endGate = new();
    private readonly ConcurrentDictionary<(string JobId, int Epoch), bool> _left = [];
    private volatile TrainerLink? _link;
    private volatile TrainerProcess? _process;
    private volatile Lease? _lease;
    private volatile string? _shutdown;
    private volatile GridError? _asked;
    private long _lastSeq;
    private long _stoppedSince;

    public SessionHost(SessionFolder folder, SessionServices services)
    {
        (_folder, _services) = (folder, services);
        _log = new LogShipper(folder, services.Store);
        _placement = folder.Placement ?? new SessionPlacement(0, null);
        _lastSeq = folder.LastSeq;
    }

    public string SessionId => _folder.SessionId;

    public long LastSeq => Interlocked.Read(ref _lastSeq);

    /// <summary>Ends when the session's end is known to the control plane and its folder is gone.</summary>
    public Task Completion { get; private set; } = Task.CompletedTask;

    /// <summary>Ends with the process, when all that it wrote has been read.</summary>
    public Task ProcessEnded => _processEnded.Task;

    public bool HasEnded => _processEnded.Task.IsCompleted;

    public SessionStatus Status => new(SessionId, _placement.Slot, !HasEnded, null, _placement.BaseDigest, Jobs());

    /// <summary>Every job that it was given has left it, though the folder may not say so yet.</summary>
    public bool IsIdleOn(int slot) => _placement.Slot == slot && !HasEnded && _folder.Orders().All(o => _left.ContainsKey((o.JobId, o.Epoch)));

    /// <summary>It is watched over: an order may have found no room on the disk between the session's folder and its start.</summary>
    public bool HasBegun { get; private set; }

    public void Begin(CancellationToken cancellation)
    {
        HasBegun = true;
        Completion = RunAsync(cancellation);
    }

    /// <summary>False where the session is over: the order needs another process.</summary>
    public async Task<bool> OrderAsync(TrainingOrder order)
    {
        lock (_endGate)
        {
            if (HasEnded) return false;
            if (!_folder.HasOrder(order.JobId, order.Epoch)) _folder.AddOrder(order);
        }
        await _log.AddAsync(order.JobId, order.Epoch, order.Gang?.Rank ?? 0);
        _link?.Send(new Attach(order));
        return true;
    }

    /// <summary>False where the session is over: nothing is left to stop.</summary>
    public bool Stop(StopJob stop)
    {
        lock (_endGate)
        {
            if (HasEnded) return false;
            _folder.AddStop(stop);
        }
        _link?.Send(new Detach(stop.JobId, stop.Epoch, stop.Checkpoint, stop.Reason));
        return true;
    }

    public void Shutdown(string reason)
    {
        _shutdown = reason;
        _link?.Send(new Shutdown(reason));
    }

    /// <summary>Ends the process. Why is remembered on disk, since a next agent may be the one to tell of the end.</summary>
    public void Kill(GridError why)
    {
        if (_process is not { IsAlive: true } process) return;
        _asked = why;
        try
        {
            _folder.SaveAsked(why);
        }
        catch (IOException e)
        {
            LogNotSaved(e, SessionId); // A full disk keeps no trainer alive.
        }
        process.Signal(ProcFs.SigKill);
    }

    /// <summary>A renewal reached the control plane. A process that stands still past its lease is ended: it could not go on anyway.</summary>
    public void Renewed(Lease lease)
    {
        _lease = lease;
        _link?.Send(lease);
        if (_process is not { IsStopped: true })
        {
            _stoppedSince = 0;
            return;
        }
        if (_stoppedSince == 0) _stoppedSince = _services.Time.GetTimestamp();
        if (_services.Time.GetElapsedTime(_stoppedSince).TotalSeconds > lease.Seconds)
            Kill(new GridError(ErrorCodes.LeaseLost, "The trainer stood still for longer than its lease."));
    }

    /// <summary>Uploads the log until the session ends. Failures are repeated: nothing is lost meanwhile.</summary>
    public async Task ShipLogAsync(CancellationToken cancellation)
    {
        using var timer = new PeriodicTimer(_services.Options.LogInterval, _services.Time);
        while (!HasEnded && await timer.WaitForNextTickAsync(cancellation))
            await TryShipAsync(cancellation);
    }

    private async Task RunAsync(CancellationToken cancellation)
    {
        var (code, signal, failure) = await SuperviseAsync(cancellation);
        await TryShipAsync(cancellation);
        IReadOnlyList<SessionJob> jobs;
        lock (_endGate)
        {
            _processEnded.SetResult();
            jobs = Jobs();
        }
        var ended = new SessionEnded(code, signal, jobs, failure ?? _log.Tail(), _asked ?? _folder.Asked);
        LogEnded(SessionId, code, signal);
        var delivered = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _services.Reports.Post(new NodeReport(SessionId, Ended: ended), () =>
        {
            _folder.Delete();
            delivered.SetResult();
            return Task.CompletedTask;
        });
        await delivered.Task.WaitAsync(cancellation);
    }

    private async Task<(int? Code, string? Signal, string? Failure)> SuperviseAsync(CancellationToken cancellation)
    {
        try
        {
            var process = await StartOrAdoptAsync(cancellation);
            if (process is null) return (_folder.Exit?.Code, null, null);
            using (process)
            {
                _process = process;
                using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
                var talk = TalkAsync(process, over.Token);
                var (code, signal) = await process.WaitAsync(cancellation);
                await DrainAsync(talk, over);
                _process = null;
                return (code, signal, null);
            }
        }
        catch (IOException e) when (DiskErrors.IsDiskFull(e))
        {
            LogStartFailed(e, SessionId);
            // Nobody's fault, and it passes: not the crash that an end without a reason counts as.
            _asked = new GridError(ErrorCodes.InsufficientStorage, $"The disk of node {_services.Options.NodeId} is full: no trainer can be started there. Free space below {_services.Options.Directory}.");
            return (null, null, null);
        }
        catch (Exception e) when (e is IOException or Win32Exception or InvalidOperationException)
        {
            LogStartFailed(e, SessionId);
            return (null, null, $"the trainer could not be started: {e.Message}");
        }
    }

    /// <summary>What the process wrote before it died is still in the socket; it is read to the end before the end is told.</summary>
    private async Task DrainAsync(Task talk, CancellationTokenSource over)
    {
        try
        {
            await talk.WaitAsync(TimeSpan.FromSeconds(5), _services.Time);
        }
        catch (TimeoutException)
        {
            await over.CancelAsync();
            await talk.ContinueWith(static _ => { }, TaskScheduler.Default);
        }
    }

    private async Task<TrainerProcess?> StartOrAdoptAsync(CancellationToken cancellation)
    {
        if (!_folder.WasStarted) return Start();
        var since = _services.Time.GetTimestamp();
        using var timer = new PeriodicTimer(ConnectInterval, _services.Time);
        while (_folder.Identity is null && _folder.Exit is null && _services.Time.GetElapsedTime(since) < _services.Options.StartLimit)
            await timer.WaitForNextTickAsync(cancellation);
        var adopted = TrainerProcess.Adopt(_folder, _services.Time);
        if (adopted is not null) LogAdopted(SessionId, adopted.Pid);
        return adopted;
    }

    private TrainerProcess Start()
    {
        var slot = _services.Slots[Math.Clamp(_placement.Slot, 0, _services.Slots.Count - 1)];
        var lease = _services.LeaseSeconds();
        var session = new TrainerSession(
            SessionId, Convert.ToHexStringLower(System.Security.Cryptography.RandomNumberGenerator.GetBytes(32)), _services.Options.Blobs.Issue(), slot.Device,
            _placement.Precision, _placement.Threads ?? slot.Threads, lease, LastSeq + 1, _services.Options.SessionIdle.TotalSeconds);
        _folder.PrepareStart(session);
        var command = _services.Options.TrainerCommand ?? TrainerCommand.Default();
        var process = TrainerProcess.Start(
            TrainerCommand.StartInfo(command, ["session", _folder.Path], _folder.LogFile, session.Threads, session.Device), _folder, _services.Time);
        LogStarted(SessionId, process.Pid);
        return process;
    }

    /// <summary>Connects, and again whenever the connection breaks, until the process is gone or silent for too long.</summary>
    private async Task TalkAsync(TrainerProcess process, CancellationToken cancellation)
    {
        var since = _services.Time.GetTimestamp();
        using var timer = new PeriodicTimer(ConnectInterval, _services.Time);
        do
        {
            if (await TrainerLink.TryConnectAsync(_folder, cancellation) is { } link)
            {
                await using (link)
                    await ConverseAsync(link, cancellation);
                since = _services.Time.GetTimestamp();
            }
            else if (!process.IsAlive) return;
            else if (_services.Time.GetElapsedTime(since) > _services.Options.StartLimit)
            {
                LogSilent(SessionId, process.Pid);
                process.Signal(ProcFs.SigKill);
            }
        }
        while (await timer.WaitForNextTickAsync(cancellation));
    }

    private async Task ConverseAsync(TrainerLink link, CancellationToken cancellation)
    {
        if (_folder.Session is not { } session) return;
        link.Send(new Hello(session.Token));
        if (_folder.LastSeq is > 0 and var delivered) link.Send(new Acknowledge(delivered));
        _link = link;
        try
        {
            if (_lease is { } lease) link.Send(lease);
            foreach (var order in _folder.Orders())
            {
                await _log.AddAsync(order.JobId, order.Epoch, order.Gang?.Rank ?? 0);
                link.Send(new Attach(order));
            }
            foreach (var stop in _folder.Stops()) link.Send(new Detach(stop.JobId, stop.Epoch, stop.Checkpoint, stop.Reason));
            if (_shutdown is { } reason) link.Send(new Shutdown(reason));
            while (await link.ReadAsync(cancellation) is { } report) Pass(report);
        }
        catch (GridException e)
        {
            LogBadFrame(e, SessionId);
        }
        finally
        {
            _link = null;
        }
    }

    /// <summary>Passes a report on once; the trainer forgets it when the control plane has it.</summary>
    private void Pass(TrainerReport report)
    {
        if (report.Seq <= LastSeq) return;
        Interlocked.Exchange(ref _lastSeq, report.Seq);
        if (Leaves(report) is { } gone) _left[gone] = true;
        _services.Reports.Post(new NodeReport(SessionId, report), async () =>
        {
            _folder.SaveLastSeq(report.Seq);
            if (Leaves(report) is var (jobId, epoch))
            {
                await TryShipAsync(CancellationToken.None);
                await _log.RemoveAsync(jobId, epoch, CancellationToken.None);
                _folder.RemoveJob(jobId, epoch);
            }
            _link?.Send(new Acknowledge(report.Seq));
        });
    }

    private static (string JobId, int Epoch)? Leaves(TrainerReport report) => report switch
    {
        JobFinished finished => (finished.JobId, finished.Epoch),
        JobDetached detached => (detached.JobId, detached.Epoch),
        JobFailed failed => (failed.JobId, failed.Epoch),
        _ => null,
    };

    private IReadOnlyList<SessionJob> Jobs() => [.. _folder.Orders().Select(o => new SessionJob(o.JobId, o.Epoch))];

    private async Task TryShipAsync(CancellationToken cancellation)
    {
        try
        {
            await _log.FlushAsync(cancellation);
        }
        catch (Exception e) when (e is IOException or GridException or UnauthorizedAccessException)
        {
            LogUnshipped(e, SessionId);
        }
    }
}
