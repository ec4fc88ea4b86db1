using System.Security.Cryptography;
using System.Text.Json;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Adapters;
using FineTuneGrid.Contracts.Grains;
using Orleans;

namespace FineTuneGrid.Grains.Jobs;

/// <summary>Registers the result of a job. The registry knows the job as the source, so a second call finds the first one's version.</summary>
public sealed class JobPublisher(IGrainFactory grains, IJobCheckpoints checkpoints)
{
    private const string Weights = "adapter_model.safetensors";

    /// <summary>Returns the version.</summary>
    public async Task<string> PublishAsync(JobState state)
    {
        var reference = AdapterRef.Parse(state.Submission.Spec.Adapter, "adapter");
        var org = grains.GetGrain<IOrgGrain>(reference.Org);
        await org.Ensure();
        var id = await org.Claim(Ids.Adapter, reference.Name);
        var adapter = grains.GetGrain<IAdapterGrain>(id);
        await adapter.Create(reference.Org, reference.Name);
        var files = await checkpoints.ResultFilesAsync(state.Id, state.ResultManifest!);
        var committed = state.Checkpoints.Select(c => new PublishedCheckpoint(c.Step, c.AdapterSha256, c.OptimizerSha256, c.ManifestKey));
        var parent = state.Plan!.InitAdapter?.FirstOrDefault(f => f.Path == Weights)?.Sha256;
        var version = await adapter.Publish(new AdapterPublication(state.Id, files, Lineage(state), Metrics(state), [.. committed], parent));
        return version.Version;
    }

    private static AdapterLineage Lineage(JobState state)
    {
        var (spec, plan) = (state.Submission.Spec, state.Plan!);
        var json = GridJson.ToBytes(spec);
        return new AdapterLineage(
            spec.Method.IsFull ? "full" : "lora", state.Id, plan.Names.BaseModel, plan.Resolved.ModelDigest, plan.Names.BaseLicense,
            plan.Names.Dataset, plan.Names.DatasetDigest, plan.Names.DatasetLicense, plan.Resolved.TrainTokensDigest, plan.Names.ParentAdapter,
            plan.Resolved.Build, plan.Resolved.Hardware, Convert.ToHexStringLower(SHA256.HashData(json)), GridJson.Parse<JsonElement>(json));
    }

    private static AdapterMetrics Metrics(JobState state)
    {
        var result = state.Result!;
        return new AdapterMetrics(result.Steps, result.TrainLoss, result.ValidLoss, result.TokensSeen, result.TrainSeconds, result.Valid);
    }
}
