using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Access;
using FineTuneGrid.Contracts.Adapters;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Contracts.Nodes;
using FineTuneGrid.Contracts.Training;
using FineTuneGrid.Gateway.Assets;
using FineTuneGrid.Gateway.OpenAi.FineTuning;
using FineTuneGrid.Gateway.OpenAi.Models;
using Orleans;

namespace FineTuneGrid.Gateway.Runs;

/// <summary>A base model, with an adapter's files or without.</summary>
/// <param name="Org">Whose it is: where names beside it are looked for first.</param>
public sealed record RunSubject(string Org, ModelManifest Model, IReadOnlyList<SourceFile>? Adapter);

/// <summary>Short work on a live node: a one-shot trainer process there, its reply here.</summary>
public sealed class TaskRunner(IGrainFactory grains, NameResolver names, FineTunedModels tuned, TunedCheckpoints checkpoints, TimeProvider time)
{
    /// <param name="reference">A base model's name or id, <c>org/adapter[@version]</c>, or a fine-tuned name (<c>ft:...</c>).</param>
    public async Task<RunSubject> SubjectAsync(Principal caller, string? reference)
    {
        if (string.IsNullOrEmpty(reference)) throw new GridException(ErrorCodes.MissingField, "model is required: a base model's name, or org/adapter[@version].", "model");
        if (FineTunedName.IsMeant(reference)) return await TunedAsync(caller, reference);
        if (!reference.Contains('/'))
        {
            var alone = await names.ModelAsync(caller, reference, null, "model");
            return new RunSubject(alone.Org, Ready(alone, reference), null);
        }
        var adapterRef = AdapterRef.Parse(reference, "model");
        var adapter = await names.AdapterAsync(caller, adapterRef.Org, adapterRef.Name);
        return await AdapterAsync(caller, adapter, NameResolver.Version(adapter, adapterRef.Version), reference);
    }

    private async Task<RunSubject> TunedAsync(Principal caller, string reference)
    {
        if (!FineTunedName.TryParse(reference, out var name)) throw FineTunedModels.Missing(reference);
        if (name.Step is null)
        {
            var (adapter, version) = await tuned.RequireAsync(caller, reference);
            return await AdapterAsync(caller, adapter, version, reference);
        }
        var (job, files) = await checkpoints.OpenAsync(caller, name);
        var model = await names.ModelAsync(NameResolver.At(caller, job.Org), job.Resolved?.ModelId ?? name.Base, null, "model");
        return new RunSubject(job.Org, Ready(model, reference), files);
    }

    private async Task<RunSubject> AdapterAsync(Principal caller, AdapterView adapter, AdapterVersionView version, string reference)
    {
        if (version.Lineage.Kind == "full")
            throw new GridException(ErrorCodes.InvalidValue, $"{reference} is a full model, not an adapter; export it and add it as a model to run it.", "model");
        var model = await names.ModelAsync(NameResolver.At(caller, adapter.Org), version.Lineage.BaseModel ?? "", null, "model");
        if (Ready(model, reference).Digest != version.Lineage.BaseDigest)
            throw new GridException(ErrorCodes.Conflict, $"The registered model '{model.Name}' is not the one that {reference} was trained on (its digest differs).", "model");
        return new RunSubject(adapter.Org, model.Manifest!, version.Files);
    }

    public async Task<TokenIndex> TokensAsync(Principal caller, string? dataset, RunSubject subject, string format, string? labelColumn)
    {
        if (string.IsNullOrEmpty(dataset)) throw new GridException(ErrorCodes.MissingField, "dataset is required: a data set's name or id.", "dataset");
        var view = await names.DatasetAsync(NameResolver.At(caller, subject.Org), dataset, null, "dataset");
        var grain = grains.GetGrain<IDatasetGrain>(view.Id);
        return Classes(subject) is { } classes
            ? await grain.TokenizeClasses(subject.Model, subject.Model.ContextLength, classes with { Column = labelColumn })
            : await grain.Tokenize(subject.Model, format, subject.Model.ContextLength);
    }

    /// <exception cref="GridException"><c>unavailable</c> where no node is alive; else what the task itself refused.</exception>
    public async Task<TrainerTaskReply> RunAsync(RunSubject subject, Func<TrainerTask, TrainerTask> fill)
    {
        var (node, task) = await PlaceAsync(subject);
        var reply = await grains.GetGrain<INodeGrain>(node).Run(fill(task));
        return reply.Error is { } error ? throw error.ToException() : reply;
    }

    /// <summary>The live node with the least to do, and a task for it that asks for nothing yet.</summary>
    /// <param name="preferred">A node to take before others where it is alive and stays so.</param>
    /// <exception cref="GridException"><c>unavailable</c> where no node is alive.</exception>
    public async Task<(string Node, TrainerTask Task)> PlaceAsync(RunSubject subject, string? preferred = null)
    {
        var nodes = await grains.GetGrain<IPoolGrain>(PoolKeys.Default).LiveNodes();
        var node = nodes.Where(n => n.Alive && n.Slots.Count > 0)
            .OrderBy(n => n.Draining).ThenBy(n => n.NodeId != preferred).ThenBy(n => n.Sessions.Sum(s => s.Jobs.Count)).FirstOrDefault()
            ?? throw new GridException(ErrorCodes.Unavailable, "No node is alive to run this on; start one and try again.");
        var slot = node.Slots[0];
        return (node.NodeId, new TrainerTask(Ids.New(Ids.Task, time.GetUtcNow()), BlobAccess.OfNode, slot.Device, slot.Threads, subject.Model, subject.Adapter));
    }

    /// <summary>What a classifier tells apart: its adapter's classes, or those of a base with a head of its own; null of models that write.</summary>
    private static ClassRequest? Classes(RunSubject subject) => subject.Adapter is not { } files
        ? subject.Model.Classes is { } own ? new ClassRequest(null, own) : null
        : files.FirstOrDefault(f => f.Path == ClassNames.FileName) is { } file ? new ClassRequest(null, Adapter: [file]) : null;

    private static ModelManifest Ready(Contracts.Models.ModelView model, string reference) => model.Manifest
        ?? throw new GridException(ErrorCodes.Conflict, $"The base model of '{reference}' is not ready.", "model");
}
