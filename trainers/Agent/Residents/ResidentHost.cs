using System.Security.Cryptography;
using FineTuneGrid.Agent.Sessions;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Contracts.Training;
using Microsoft.Extensions.Logging;

namespace FineTuneGrid.Agent.Residents;

/// <summary>A process that keeps one base in memory and answers questions with it. It ends with its agent, or when nobody asks for long.</summary>
internal sealed partial class ResidentHost
{
    private const string Command = "serve";
    private static readonly TimeSpan ConnectInterval = TimeSpan.FromMilliseconds(25);

    private readonly SessionServices _services;
    private readonly ILogger _logger;
    private readonly PiecePump _pieces;
    private readonly SessionFolder _folder;
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Asked> _asked = [];
    private readonly CancellationTokenSource _closing = new();
    private TrainerLink? _link;
    private bool _ended;

    private sealed record Asked(string Folder, TaskCompletionSource<TrainerTaskReply?> Reply);

    /// <param name="task">The first that it is for, which says where and with how many threads it runs.</param>
    public ResidentHost(string path, TrainerTask task, SessionServices services, PiecePump pieces)
    {
        (_services, _logger, _pieces, _folder) = (services, services.Logger, pieces, new SessionFolder(path));
        Ended = RunAsync(task.Device, task.Threads);
    }

    /// <summary>Ends with the process, when its folder is gone.</summary>
    public Task Ended { get; }

    /// <summary>Questions on their way to it, and when the last went; its table keeps both.</summary>
    public int Users { get; set; }

    public long LastUse { get; set; }

    /// <summary>Asks, and waits for the answer. Cancelling withdraws the question.</summary>
    /// <param name="folder">Holds the task; the reply comes there.</param>
    /// <returns>Null where the process had left before it heard of it: another one may be asked.</returns>
    public async Task<TrainerTaskReply?> AskAsync(string taskId, string folder, CancellationToken stop)
    {
        var asked = new Asked(folder, new(TaskCreationOptions.RunContinuationsAsynchronously));
        lock (_gate)
        {
            if (_ended) return null;
            _asked[taskId] = asked;
            // What comes before there is a connection goes out with its beginning.
            _link?.Send(new Ask(taskId, folder));
        }
        try
        {
            return await asked.Reply.Task.WaitAsync(stop);
        }
        finally
        {
            lock (_gate)
            {
                _asked.Remove(taskId);
                if (!asked.Reply.Task.IsCompleted) _link?.Send(new Withdraw(taskId));
            }
        }
    }

    public bool IsClosing => _closing.IsCancellationRequested;

    /// <summary>Ends the process; what it was asked is not answered.</summary>
    public void Close() => _closing.Cancel();

    private async Task RunAsync(string device, int threads)
    {
        // Null: it left because it was told to, or because nobody asked.
        string? fault = null;
        await Task.Yield(); // Whoever makes the host holds its table's lock.
        try
        {
            var (code, signal) = await ServeAsync(device, threads);
            var how = signal is null ? $"ended with code {code}" : $"was ended by {signal}";
            if (code != 0 && !IsClosing) fault = $"{how}: {LogTail.Read(_folder.LogFile)}";
            LogEnded(_folder.SessionId, how);
        }
        catch (Exception e)
        {
            LogFailed(e, _folder.SessionId);
            fault = $"could not be started: {e.Message}";
        }
        lock (_gate)
        {
            _ended = true;
            foreach (var (id, asked) in _asked)
                asked.Reply.TrySetResult(fault is null ? null : new TrainerTaskReply(id, new GridError(ErrorCodes.TrainerCrashed, $"The process that was to answer {fault}")));
        }
        if (Directory.Exists(_folder.Path)) _folder.Delete();
    }

    private async Task<(int? Code, string? Signal)> ServeAsync(string device, int threads)
    {
        var session = new TrainerSession(_folder.SessionId, Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32)), BlobAccess.OfNode, device, "fp32", threads,
            LeaseSeconds: 0, IdleSeconds: _services.Options.ResidentIdle.TotalSeconds);
        AtomicFile.MakePrivateDirectory(_folder.Path);
        _folder.PrepareStart(session);
        var command = _services.Options.TrainerCommand ?? TrainerCommand.Default();
        using var process = TrainerProcess.Start(TrainerCommand.StartInfo(command, [Command, _folder.Path], _folder.LogFile, threads, device), _folder, _services.Time);
        LogStarted(_folder.SessionId, process.Pid);
        try
        {
            if (await ConnectAsync(process) is { } link)
            {
                await using (link)
                    await ConverseAsync(link, session.Token);
            }
        }
        finally
        {
            if (IsClosing) process.Signal(ProcFs.SigKill);
        }
        return await process.WaitAsync(CancellationToken.None);
    }

    private async Task<TrainerLink?> ConnectAsync(TrainerProcess process)
    {
        var since = _services.Time.GetTimestamp();
        using var timer = new PeriodicTimer(ConnectInterval, _services.Time);
        while (process.IsAlive && !IsClosing)
        {
            if (await TrainerLink.TryConnectAsync(_folder, CancellationToken.None) is { } link) return link;
            if (_services.Time.GetElapsedTime(since) > _services.Options.StartLimit)
            {
                process.Signal(ProcFs.SigKill);
                throw new TimeoutException($"it did not answer in {_services.Options.StartLimit.TotalSeconds:0} s");
            }
            await timer.WaitForNextTickAsync();
        }
        return null;
    }

    /// <summary>Until the process closes the connection, which it does at its end.</summary>
    private async Task ConverseAsync(TrainerLink link, string token)
    {
        lock (_gate)
        {
            _link = link;
            link.Send(new Hello(token));
            foreach (var (id, asked) in _asked) link.Send(new Ask(id, asked.Folder));
        }
        try
        {
            while (await link.ReadAsync(_closing.Token) is { } report) Pass(report);
        }
        catch (OperationCanceledException)
        {
            // It is to end: the caller sees to that.
        }
        finally
        {
            lock (_gate) _link = null;
        }
    }

    private void Pass(TrainerReport report)
    {
        if (report is TasksSaid said) _pieces.Post(said.Said);
        if (report is not TaskAnswered answered) return;
        Asked? asked;
        lock (_gate) asked = _asked.GetValueOrDefault(answered.TaskId);
        asked?.Reply.TrySetResult(AtomicFile.TryRead<TrainerTaskReply>(Path.Combine(asked.Folder, TrainerProtocol.ReplyFile))
            ?? new TrainerTaskReply(answered.TaskId, new GridError(ErrorCodes.InsufficientStorage, $"The answer found no room on the disk of node {_services.Options.NodeId}.")));
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Resident base {Id} starts as process {Pid}")]
    private partial void LogStarted(string id, int pid);

    [LoggerMessage(Level = LogLevel.Information, Message = "Resident base {Id} {How}")]
    private partial void LogEnded(string id, string how);

    [LoggerMessage(Level = LogLevel.Error, Message = "Resident base {Id} could not be started")]
    private partial void LogFailed(Exception exception, string id);
}
