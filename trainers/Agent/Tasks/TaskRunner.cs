using System.Diagnostics;
using FineTuneGrid.Agent.Sessions;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Nodes;
using FineTuneGrid.Contracts.Training;

namespace FineTuneGrid.Agent.Tasks;

/// <summary>Runs short work (completions, evaluation) in one-shot trainer processes, a few at once.</summary>
internal sealed class TaskRunner(SessionServices services) : IDisposable
{
    private const int AtOnce = 2;
    private const int LongestTail = 4000;

    private readonly SemaphoreSlim _places = new(AtOnce, AtOnce);
    private readonly HashSet<string> _known = [];

    /// <summary>Starts the task unless it runs already; its reply goes out as a report.</summary>
    public void Begin(TrainerTask task, CancellationToken cancellation)
    {
        lock (_known)
            if (!_known.Add(task.TaskId)) return;
        _ = Task.Run(() => RunAsync(task, cancellation), cancellation);
    }

    public void Dispose() => _places.Dispose();

    private async Task RunAsync(TrainerTask task, CancellationToken cancellation)
    {
        await _places.WaitAsync(cancellation);
        var folder = Path.Combine(services.Options.TasksDirectory, task.TaskId);
        TrainerTaskReply reply;
        try
        {
            AtomicFile.MakePrivateDirectory(folder);
            reply = await ExecuteAsync(task, folder, cancellation);
        }
        catch (Exception e) when (!cancellation.IsCancellationRequested)
        {
            reply = new TrainerTaskReply(task.TaskId, new GridError(ErrorCodes.TrainerCrashed, $"The task could not be run: {e.Message}"));
        }
        finally
        {
            _places.Release();
            if (Directory.Exists(folder)) Directory.Delete(folder, recursive: true);
        }
        services.Reports.Post(new NodeReport(task.TaskId, Task: reply), () =>
        {
            lock (_known) _known.Remove(task.TaskId);
            return Task.CompletedTask;
        });
    }

    private async Task<TrainerTaskReply> ExecuteAsync(TrainerTask task, string folder, CancellationToken cancellation)
    {
        var (input, output, log) = (Path.Combine(folder, "task.json"), Path.Combine(folder, "reply.json"), Path.Combine(folder, "task.log"));
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
        var text = File.Exists(log) ? await File.ReadAllTextAsync(log, cancellation) : "";
        return new TrainerTaskReply(task.TaskId, new GridError(
            ErrorCodes.TrainerCrashed, $"The task's process ended with code {process.ExitCode}: {text[Math.Max(0, text.Length - LongestTail)..].Trim()}"));
    }
}
