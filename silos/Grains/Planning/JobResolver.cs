using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Datasets;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Contracts.Jobs;
using FineTuneGrid.Contracts.Licensing;
using FineTuneGrid.Contracts.Models;
using FineTuneGrid.Contracts.Training;
using FineTuneGrid.Grains.Jobs;
using Microsoft.Extensions.Options;
using Orleans;

namespace FineTuneGrid.Grains.Planning;

/// <summary>
/// Turns what a user names into what a trainer gets: models, tokenised data, the adapter to start from, and the plan. All of
/// it happens before a device is used. Repeating it gives the same result while the assets exist.
/// </summary>
public sealed class JobResolver(IGrainFactory grains, AssetFinder assets, InitAdapterCheck initAdapters, IJobPlanner planner, IOptions<GridOptions> options)
{
    public async Task<JobPlan> ResolveAsync(string jobId, JobSubmission submission)
    {
        var (spec, org) = (submission.Spec, submission.Org);
        var model = await FindModelAsync(jobId, org, spec);
        var train = await FindDatasetAsync(jobId, org, spec.Data.Train, "data.train");
        var validation = spec.Data.Validation is { } name ? await FindDatasetAsync(jobId, org, name, "data.validation") : null;
        CheckObjective(spec, model.Manifest);
        var baseLicense = spec.BaseModelInit() is null ? model.View.License ?? model.Manifest.License : null;
        foreach (var data in new[] { train, validation }.OfType<Found<DatasetView, DatasetManifest>>())
            options.Value.Licenses.Require(LicenseGate.Submit, baseLicense, data.View.License, data == train ? "data.train" : "data.validation");
        var serving = Serving(spec, model.Manifest);
        var init = await initAdapters.ResolveAsync(org, spec, model.Manifest);
        var (found, refusal) = await FindPlaceAsync(spec);
        var place = found ?? throw refusal!;
        var length = ContextLength(spec, model.Manifest);
        var classes = spec.Objective.IsClassification ? new ClassRequest(spec.Objective.LabelColumn, Adapter: init?.ClassFile) : null;
        var trainTokens = await TokenizeAsync(train, model.Manifest, spec, length, classes, "data.train");
        // Validation has no classes of its own.
        var validationTokens = validation is null ? null
            : await TokenizeAsync(validation, model.Manifest, spec, length, classes is null ? null : new ClassRequest(spec.Objective.LabelColumn, trainTokens.Classes), "data.validation");

        var fromScratch = spec.BaseModelInit() is not null;
        var resolved = new ResolvedJob
        {
            ModelId = fromScratch ? null : model.View.Id,
            ModelDigest = fromScratch ? null : model.Manifest.Digest,
            TokenizerModelId = model.View.Id,
            TrainDatasetId = train.View.Id,
            TrainTokensKey = trainTokens.Key,
            TrainTokensDigest = trainTokens.Digest,
            ValidationDatasetId = validation?.View.Id,
            ValidationTokensKey = validationTokens?.Key,
            InitAdapterId = init?.AdapterId,
            InitAdapterVersion = init?.Version,
            Format = trainTokens.Format,
            Device = place.Device,
            Precision = place.Precision,
            Mode = place.Mode,
            Threads = place.Slot.Threads,
            MicroBatchTokens = spec.Optimizer.MicroBatchTokens ?? 0,
            Build = place.Node.Build,
            Hardware = place.Slot.Hardware,
            TotalSteps = 0,
            TrainExamples = trainTokens.Examples,
            TrainTokens = trainTokens.Tokens,
            TrainableParameters = 0,
            MemoryBytes = 0,
            Serving = serving,
            Classes = trainTokens.Classes,
        };
        var names = new AssetNames(
            fromScratch ? null : model.View.Name, baseLicense,
            train.View.Name, train.Manifest.Digest, train.View.License, init?.Name);
        var plan = new JobPlan(resolved, fromScratch ? null : model.Manifest, model.Manifest, trainTokens, validationTokens, init?.Files, names);
        return await PlanAsync(jobId, spec, plan, place);
    }

    /// <summary>A slot that the job can be resolved for, or why there is none now.</summary>
    public async Task<(Placeability? Place, GridException? Refusal)> FindPlaceAsync(JobSpec spec) =>
        Placeability.Find(spec, await grains.GetGrain<IPoolGrain>(PoolKeys.Default).LiveNodes());

    /// <summary>After a refusal: nothing is held any more.</summary>
    public async Task ForgetUsesAsync(string jobId, JobSubmission submission)
    {
        var spec = submission.Spec;
        if (await Try(() => assets.ModelIdAsync(submission.Org, ModelName(spec), "base_model")) is { } model)
            await grains.GetGrain<IModelGrain>(model).Use(jobId, false);
        foreach (var name in new[] { spec.Data.Train, spec.Data.Validation }.OfType<string>())
            if (await Try(() => assets.DatasetIdAsync(submission.Org, name, "data")) is { } dataset)
                await grains.GetGrain<IDatasetGrain>(dataset).Use(jobId, false);
    }

    /// <summary>A base made from nothing is looked at when the job is planned.</summary>
    private static void CheckObjective(JobSpec spec, ModelManifest model)
    {
        if (spec.BaseModelInit() is not null)
            return;
        if (spec.Objective.IsClassification && ModelTypes.ClassifierClass(model.ModelType) is null)
            throw new GridException(ErrorCodes.UnsupportedModel,
                $"Models of type '{model.ModelType}' have no published class for sequence classification; name a base of another type, or set objective.type to 'supervised'.", "base_model");
        if (!spec.Objective.IsClassification && ModelTypes.IsEncoder(model.ModelType))
            throw new GridException(ErrorCodes.InvalidValue, $"Models of type '{model.ModelType}' classify texts and write none: set objective.type to 'classification'.", "objective.type");
    }

    /// <summary>What servers will do with the adapter; null where there is none.</summary>
    private static IReadOnlyList<ServeFinding>? Serving(JobSpec spec, ModelManifest model)
    {
        if (spec.Method.IsFull)
            return null;
        var found = ServeCheck.Of(model.ModelType, spec.Method, model.LinearModules, spec.Objective.IsClassification);
        ServeCheck.Require(found, spec.StrictServing);
        return found;
    }

    private async Task<JobPlan> PlanAsync(string jobId, JobSpec spec, JobPlan plan, Placeability place)
    {
        var order = new TrainingOrder(
            jobId, 0, spec, plan.Resolved, plan.Model, spec.Method.IsFull ? plan.TokenizerModel : null, plan.Train, plan.Validation, plan.InitAdapter);
        var reply = await planner.PlanAsync(order, place.Node, place.Slot);
        var memory = spec.Resources.MemoryGb is { } asked ? (long)(asked * (1L << 30)) : reply.MemoryBytes;
        if (memory > place.Slot.MemoryBytes)
            throw new GridException(ErrorCodes.OutOfMemory,
                $"The job needs {Gib(memory)} GiB, but a {place.Device} slot has {Gib(place.Slot.MemoryBytes)} GiB: lower resources.memory_gb, or leave it out for what is estimated.",
                "resources.memory_gb");
        return plan with
        {
            Resolved = plan.Resolved with
            {
                TotalSteps = reply.TotalSteps,
                TrainableParameters = reply.TrainableParameters,
                MemoryBytes = memory,
                WeightBytes = reply.WeightBytes is { } weights ? Math.Min(weights, memory) : null,
                MicroBatchTokens = reply.MicroBatchTokens,
                Threads = reply.Threads ?? place.Slot.Threads,
                EstimatedSeconds = reply.EstimatedSeconds,
            },
        };
    }

    private async Task<Found<ModelView, ModelManifest>> FindModelAsync(string jobId, string org, JobSpec spec)
    {
        const string field = "base_model";
        var name = ModelName(spec);
        var id = await assets.ModelIdAsync(org, name, field);
        await assets.ModelAsync(org, id, name, field);
        // Held, then read again: a delete that comes later finds the job, one that came before is seen.
        await HoldAsync(() => grains.GetGrain<IModelGrain>(id).Use(jobId, true), "model", name, field);
        var (view, manifest) = await assets.ModelAsync(org, id, name, field);
        return new(view, manifest);
    }

    private async Task<Found<DatasetView, DatasetManifest>> FindDatasetAsync(string jobId, string org, string name, string field)
    {
        var id = await assets.DatasetIdAsync(org, name, field);
        await assets.DatasetAsync(org, id, name, field);
        await HoldAsync(() => grains.GetGrain<IDatasetGrain>(id).Use(jobId, true), "data set", name, field);
        var (view, manifest) = await assets.DatasetAsync(org, id, name, field);
        if (manifest.Rows == 0)
            throw new GridException(ErrorCodes.EmptyDataset, $"{field}: the data set '{name}' has no rows.", field);
        return new(view, manifest);
    }

    private async Task<TokenIndex> TokenizeAsync(Found<DatasetView, DatasetManifest> dataset, ModelManifest model, JobSpec spec, int length, ClassRequest? classes, string field)
    {
        if (classes is not null)
            return await ClassesAsync(dataset, model, length, classes, field);
        var pairs = spec.Objective.PairBeta is not null;
        var tokens = await RowsAsync(dataset, pairs ? DataFormats.Preference : spec.Data.Format, model, length, field);
        return pairs || tokens.Format != DataFormats.Preference ? tokens : throw new GridException(ErrorCodes.InvalidDataset,
            $"{field}: '{dataset.View.Name}' holds pairs of answers, chosen and rejected; set objective.type to 'dpo', or name a data set of another format.", field);
    }

    /// <summary>What reads the rows does not know which of the job's data sets it reads.</summary>
    private async Task<TokenIndex> RowsAsync(Found<DatasetView, DatasetManifest> dataset, string format, ModelManifest model, int length, string field)
    {
        try
        {
            return await grains.GetGrain<IDatasetGrain>(dataset.View.Id).Tokenize(model, format, length);
        }
        catch (GridException e) when (e.Field == "data.train" && field != e.Field)
        {
            throw new GridException(e.Code, $"{field}: {e.Message}", field, e) { Findings = e.Findings };
        }
    }

    private async Task<TokenIndex> ClassesAsync(Found<DatasetView, DatasetManifest> dataset, ModelManifest model, int length, ClassRequest classes, string field)
    {
        try
        {
            return await grains.GetGrain<IDatasetGrain>(dataset.View.Id).TokenizeClasses(model, length, classes);
        }
        catch (GridException e) when (e.Code is ErrorCodes.InvalidDataset && e.Findings.Count > 0)
        {
            // The rows may be of either data set, and look alike.
            throw new GridException(e.Code, $"{field}: {e.Message}", field, e) { Findings = e.Findings };
        }
    }

    private static async Task HoldAsync(Func<Task> hold, string what, string name, string field)
    {
        try
        {
            await hold();
        }
        catch (GridException e) when (e.Code == ErrorCodes.NotFound)
        {
            throw new GridException(ErrorCodes.NotFound, $"{field}: there is no {what} '{name}'; add it first, or name one that exists.", field, e);
        }
    }

    private static string ModelName(JobSpec spec) => spec.BaseModelName() ?? spec.BaseModelInit()!.Tokenizer;

    /// <summary>The default sequence length is meant for large models; a small context shortens it.</summary>
    private static int ContextLength(JobSpec spec, ModelManifest model)
    {
        var context = spec.BaseModelInit() is { } init && init.Init.TryGetProperty("max_position_embeddings", out var given) && given.TryGetInt32(out var own)
            ? own
            : model.ContextLength;
        return context > 0 ? Math.Min(spec.Data.SequenceLength, context) : spec.Data.SequenceLength;
    }

    private static async Task<string?> Try(Func<Task<string>> find)
    {
        try
        {
            return await find();
        }
        catch (GridException e) when (e.Code == ErrorCodes.NotFound)
        {
            return null;
        }
    }

    private static string Gib(long bytes) => (bytes / (double)(1L << 30)).ToString("0.##", System.Globalization.CultureInfo.InvariantCulture);

    private sealed record Found<TView, TManifest>(TView View, TManifest Manifest);
}
