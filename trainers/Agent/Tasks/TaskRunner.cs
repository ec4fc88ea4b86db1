using System.Diagnostics;
using FineTuneGrid.Agent.Residents;
using FineTuneGrid.Agent.Sessions;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Nodes;
using FineTuneGrid.Contracts.Training;
using FineTuneGrid.Storage;

namespace FineTuneGrid.Agent.Tasks;

/// <summary>
/// Runs work besides jobs. Completions are asked of bases that stay in memory; the rest runs in one-shot trainer processes: short tasks a few
/// at once, and one verification and one export, which may take long and must not keep the short ones waiting.
/// </summary>
internal sealed class TaskRunner(SessionServices services, ResidentTable residents) : IDisposable
{
    private const int AtOnce = 2;

    /// <summary>Bytes that a task's process needs to say anything.</summary>
    private const long LeastRoom = 1 << 20;

    private readonly SemaphoreSlim _places = new(AtOnce, AtOnce);
    private readonly SemaphoreSlim _verification = new(1, 1);
    private readonly SemaphoreSlim _export = new(1, 1);
    private readonly Dictionary<string, CancellationTokenSource> _known = [];

    /// <summary>Starts the task unless it runs already; its reply goes out as a report.</summary>
    public void Begin(TrainerTask task, CancellationToken cancellation)
    {
        var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        lock (_known)
        {
            if (!_known.TryAdd(task.TaskId, stop))
            {
                stop.Dispose();
                return;
            }
        }
        task = task with { Blobs = services.Options.Blobs.Issue() };
        _ = Task.Run(() => RunAsync(task, stop.Token, cancellation), cancellation);
    }

    /// <summary>Ends the task's process, where it runs.</summary>
    public void Stop(string taskId)
    {
        lock (_known)
            if (_known.TryGetValue(taskId, out var stop)) stop.Cancel();
    }

    public void Dispose()
    {
        _places.Dispose();
        _verification.Dispose();
        _export.Dispose();
    }

    private async Task RunAsync(TrainerTask task, CancellationToken stop, CancellationToken cancellation)
    {
        TrainerTaskReply reply;
        try
        {
            reply = await InFolderAsync(task, stop);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            reply = new TrainerTaskReply(task.TaskId, new GridError(ErrorCodes.Unavailable, "The task was stopped: nobody waited for it any more."));
        }
        catch (IOException e) when (DiskErrors.IsDiskFull(e))
        {
            reply = new TrainerTaskReply(task.TaskId, NoRoom());
        }
        catch (Exception e) when (!cancellation.IsCancellationRequested)
        {
            reply = new TrainerTaskReply(task.TaskId, new GridError(ErrorCodes.TrainerCrashed, $"The task could not be run: {e.Message}"));
        }
        services.Reports.Post(new NodeReport(task.TaskId, Task: reply), () =>
        {
            lock (_known)
                if (_known.Remove(task.TaskId, out var source)) source.Dispose();
            return Task.CompletedTask;
        });
    }

    private async Task<TrainerTaskReply> InFolderAsync(TrainerTask task, CancellationToken stop)
    {
        var folder = Path.Combine(services.Options.TasksDirectory, task.TaskId);
        try
        {
            AtomicFile.MakePrivateDirectory(folder);
            return await (task.Completion is null ? InPlaceAsync(task, folder, stop) : residents.AskAsync(task, folder, stop));
        }
        finally
        {
            if (Directory.Exists(folder)) Directory.Delete(folder, recursive: true);
        }
    }

    private async Task<TrainerTaskReply> InPlaceAsync(TrainerTask task, string folder, CancellationToken stop)
    {
        var places = task.Verification is not null ? _verification : task.Export is not null ? _export : _places;
        if (!await places.WaitAsync(task.Verification is null ? Timeout.InfiniteTimeSpan : TimeSpan.Zero, stop))
            return new TrainerTaskReply(task.TaskId, new GridError(ErrorCodes.Unavailable, $"Another verification runs on node {services.Options.NodeId}; try again when it has ended."));
        try
        {
            return await ExecuteAsync(task, folder, stop);
        }
        finally
        {
            places.Release();
        }
    }

    private async Task<TrainerTaskReply> ExecuteAsync(TrainerTask task, string folder, CancellationToken cancellation)
    {
        var (input, output, log) = (Path.Combine(folder, TrainerProtocol.TaskFile), Path.Combine(folder, TrainerProtocol.ReplyFile), Path.Combine(folder, "task.log"));
        AtomicFile.Write(input, task);
        var command = services.Options.TrainerCommand ?? TrainerCommand.Default();
        using var process = Process.Start(TrainerCommand.StartInfo(command, ["task", input, output], log, task.Threads, task.Device))
            ?? throw new InvalidOperationException("the operating system started no process");
        try
        {
            await process.WaitForExitAsync(cancellation);
        }
        catch (OperationCanceledException)
        {
            process.Kill();
            throw;
        }
        if (AtomicFile.TryRead<TrainerTaskReply>(output) is { } reply) return reply;
        // A runtime that cannot write dies without a word.
        if (new DriveInfo(folder).AvailableFreeSpace < LeastRoom) return new TrainerTaskReply(task.TaskId, NoRoom());
        return new TrainerTaskReply(task.TaskId, new GridError(ErrorCodes.TrainerCrashed, $"The task's process ended with code {process.ExitCode}: {LogTail.Read(log)}"));
    }

    private GridError NoRoom() => new(ErrorCodes.InsufficientStorage, $"The disk of node {services.Options.NodeId} is full; free some room.");
}
