using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Training;
using FineTuneGrid.Storage;
using FineTuneGrid.Trainer.Models;
using FineTuneGrid.Trainer.Session;

namespace FineTuneGrid.Trainer.Tasks;

/// <summary><c>FineTuneGrid.Trainer task FILE [REPLY]</c>: one task, one reply, also of what went wrong.</summary>
internal static class TaskCommand
{
    public static int Run(string file, string? replyFile)
    {
        var task = GridJson.Parse<TrainerTask>(File.ReadAllBytes(file));
        var reply = Execute(task, Path.GetDirectoryName(Path.GetFullPath(file))!);
        if (replyFile is null) Console.WriteLine(GridJson.ToText(reply));
        else ThisProcess.WriteFile(replyFile, reply);
        return reply.Error is null ? 0 : 1;
    }

    private static TrainerTaskReply Execute(TrainerTask task, string folder)
    {
        try
        {
            var store = task.Blobs.Open();
            if (task.Plan is { } plan) return new TrainerTaskReply(task.TaskId, Plan: Planning.Plan(store, plan));
            if (task.Verification is not null || task.Export is not null) ThisProcess.GiveWay();
            Compute.Prepare(task.Threads);
            return Answer(task, store, folder);
        }
        catch (Exception e)
        {
            var (error, _) = JobFaults.Describe(e);
            if (error.Code == ErrorCodes.Internal) Console.Error.WriteLine(e);
            return new TrainerTaskReply(task.TaskId, error);
        }
    }

    /// <param name="folder">The task's own, for files that are made on the way.</param>
    private static TrainerTaskReply Answer(TrainerTask task, IBlobStore store, string folder)
    {
        using var models = new ModelStore(store, Compute.Device(task.Device));
        if (task.Verification is { } window) return new TrainerTaskReply(task.TaskId, Verification: Verifying.Run(store, models, window, ParentIsThere(), TimeProvider.System));
        if (task.Export is { } export) return new TrainerTaskReply(task.TaskId, Export: new Exporting(store, models, task, export, folder, ParentIsThere()).RunAsync(TimeProvider.System).GetAwaiter().GetResult());
        var (model, read) = models.Subject(task.Model, task.Adapter);
        using var adapter = read;
        var reader = new PromptReader(models, task.Model);
        if (task.Completion is { } completion) return new TrainerTaskReply(task.TaskId, Completions: Completing.Run(model, adapter, reader, completion));
        if (task.Evaluation is { } evaluation) return new TrainerTaskReply(task.TaskId, Evaluation: Evaluating.Run(store, model, adapter, reader, evaluation));
        if (task.Classification is { } texts) return new TrainerTaskReply(task.TaskId, Classifications: Classifying.Run(model, adapter, reader, texts));
        throw new GridException(ErrorCodes.InvalidRequest, "The task asks for nothing: set completion, classification, evaluation, plan, verification or export.");
    }

    /// <summary>A guard for work that may take long: when the agent that asked for it is gone, nobody reads the answer.</summary>
    private static Action ParentIsThere()
    {
        var parent = ThisProcess.ParentId();
        return () =>
        {
            if (ThisProcess.ParentId() != parent) throw new GridException(ErrorCodes.Unavailable, "The agent that asked for this task is gone; try again.");
        };
    }
}
