using System.Text.Json;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Contracts.Jobs;
using FineTuneGrid.Storage;

namespace FineTuneGrid.Grains.Planning;

/// <summary>The adapter that a job continues from: found, recorded with its version, and of the same shape.</summary>
public sealed class InitAdapterCheck(AssetFinder assets, IBlobStore blobs)
{
    private const string Field = "method.init_adapter";

    public sealed record InitAdapter(string AdapterId, string Version, string Name, IReadOnlyList<SourceFile> Files)
    {
        /// <summary>The file with the classes that it tells apart; null where it is no classifier's.</summary>
        public IReadOnlyList<SourceFile>? ClassFile => Files.Where(f => f.Path == ClassNames.FileName).ToArray() is { Length: > 0 } found ? found : null;
    }

    public async Task<InitAdapter?> ResolveAsync(string org, JobSpec spec, ModelManifest model)
    {
        if (spec.Method.InitAdapter is not { } given)
            return null;
        var (adapter, version) = await assets.AdapterAsync(org, AdapterRef.Parse(given, Field), Field);
        if (version.Lineage.Kind == "full")
            throw new GridException(ErrorCodes.InvalidValue, $"{Field}: {given} is a full model, not an adapter; register it as a model and train on it.", Field);
        if (version.Lineage.BaseDigest is { } digest && digest != model.Digest)
            throw new GridException(ErrorCodes.InvalidValue,
                $"{Field}: {given} was trained on another base ({version.Lineage.BaseModel ?? digest}); use that as base_model.", Field);
        var config = version.Files.FirstOrDefault(f => f.Path == "adapter_config.json")
            ?? throw new GridException(ErrorCodes.InvalidAdapter, $"{Field}: {given} has no adapter_config.json.", Field);
        await CheckRankAsync(config, spec.Method.Rank, given);
        return new(adapter.Id, version.Version, $"{adapter.Org}/{adapter.Name}@{version.Version}", version.Files);
    }

    private async Task CheckRankAsync(SourceFile file, int rank, string given)
    {
        var config = await blobs.ReadJsonAsync<JsonElement>(file.Key, GridJson.Options)
            ?? throw new GridException(ErrorCodes.InvalidAdapter, $"{Field}: the files of {given} are gone.", Field);
        if (config.Value.TryGetProperty("r", out var r) && r.TryGetInt32(out var had) && had != rank)
            throw new GridException(ErrorCodes.InvalidValue, $"{Field}: {given} has rank {had}, but method.rank is {rank}; use {had}.", "method.rank");
    }
}
