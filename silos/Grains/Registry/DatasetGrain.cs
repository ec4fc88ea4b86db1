using System.Security.Cryptography;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Datasets;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Storage;
using Microsoft.Extensions.Logging;
using Orleans;
using Orleans.Concurrency;
using Orleans.Runtime;

namespace FineTuneGrid.Grains.Registry;

/// <summary>One data set, and its tokenised forms.</summary>
[Reentrant]
[GrainType("dataset")]
public sealed class DatasetGrain(
    [PersistentState("state", GridStorage.Name)] IPersistentState<Stored<AssetState<DatasetManifest>>> storage,
    IInspector inspector, IBlobStore blobs, BlobAccessIssuer access, TimeProvider time, ILogger<DatasetGrain> logger)
    : AssetGrain<DatasetManifest>(storage, inspector, blobs, access, time, logger), IDatasetGrain
{
    private readonly Dictionary<string, Task<TokenIndex>> _tokenizing = [];

    protected override string Kind => Ids.Dataset;

    public async Task<DatasetView> Create(string org, string name, string? license) => View(await CreateStateAsync(org, name, license));

    public async Task<DatasetView> Commit(string? license) => View(await CommitStateAsync(license));

    public Task<DatasetView?> Get() => Task.FromResult(State.Current is { Deleted: false } state ? View(state) : null);

    public Task<TokenIndex> Tokenize(ModelManifest model, string format, int sequenceLength) => TokensAsync(model, format, sequenceLength, null);

    public Task<TokenIndex> TokenizeClasses(ModelManifest model, int sequenceLength, ClassRequest classes) =>
        TokensAsync(model, $"classes.{Convert.ToHexStringLower(SHA256.HashData(GridJson.ToBytes(classes)))}", sequenceLength, classes);

    /// <param name="format">The rows' format; of texts to classify, what stands for their classes.</param>
    private async Task<TokenIndex> TokensAsync(ModelManifest model, string format, int sequenceLength, ClassRequest? classes)
    {
        var state = AssetRules.Require(State.Current, Id);
        var manifest = state.Manifest
            ?? throw new GridException(ErrorCodes.Conflict, $"The data set '{state.Name}' is not ready; commit it first.");
        // Everything that decides the tokens. The whole model's digest, since more files than tokenizer.json can matter.
        var key = $"{TokenIndex.Recipe}.{model.Digest}.{format}.{sequenceLength}";
        if (state.Tokens.TryGetValue(key, out var stored) && await TokenForms.TakeAsync(Blobs, stored) is { } index)
            return index;
        if (!_tokenizing.TryGetValue(key, out var running))
            _tokenizing[key] = running = TokenizeAsync(key, new TokenizeDatasetRequest(manifest, model, format, sequenceLength, classes));
        return await running;
    }

    protected override async Task<DatasetManifest> InspectAsync(AssetState<DatasetManifest> state)
    {
        var reply = await Inspector.RunAsync(new InspectorRequest(Access.Issue(), InspectDataset: new InspectDatasetRequest(Id, state.Files)), CancellationToken.None);
        if (reply.Error is { } error)
            throw error.ToException();
        return reply.Dataset ?? throw new GridException(ErrorCodes.Internal, "The inspector answered with something else than a data set.");
    }

    private async Task<TokenIndex> TokenizeAsync(string key, TokenizeDatasetRequest request)
    {
        await Task.Yield();
        try
        {
            var reply = await Inspector.RunAsync(new InspectorRequest(Access.Issue(), TokenizeDataset: request), CancellationToken.None);
            if (reply.Error is { } error)
                throw error.ToException();
            var index = reply.Tokens ?? throw new GridException(ErrorCodes.Internal, "The inspector answered with something else than tokens.");
            await State.UpdateAsync(s => s is { Deleted: false } ? s with { Tokens = new Dictionary<string, string>(s.Tokens) { [key] = index.Key } } : s);
            return index;
        }
        finally
        {
            _tokenizing.Remove(key);
        }
    }

    private static DatasetView View(AssetState<DatasetManifest> s) =>
        new(s.Id, s.Org, s.Name, s.Status, s.CreatedAt, s.Manifest, s.Error, s.Files, s.License ?? s.Manifest?.License);
}
