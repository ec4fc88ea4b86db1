using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Contracts.Jobs;
using FineTuneGrid.Contracts.Training;
using FineTuneGrid.Storage;
using FineTuneGrid.Text;

namespace FineTuneGrid.TrainerSupport;

/// <summary>A blob store in a folder of its own, with a tiny Llama, token shards made from a seed, and orders for them.</summary>
internal sealed class TestStore : IDisposable
{
    private const int Vocabulary = 320;

    public TestStore()
    {
        Root = Directory.CreateTempSubdirectory("ftg-test-").FullName;
        Blobs = new LocalBlobStore(Path.Combine(Root, "blobs"));
        Model = AddModel("tiny", "llama", "model");
        Train = AddTokens("train", examples: 40, seed: 1);
        Validation = AddTokens("validation", examples: 10, seed: 2);
        Pairs = new(() => AddPairs("pairs", pairs: 40, seed: 3));
        Classes = new(() => AddClasses("classes", 40, seed: 4, "low", "middle", "high"));
    }

    public string Root { get; }

    public LocalBlobStore Blobs { get; }

    public BlobAccess Access => new(LocalRoot: Path.Combine(Root, "blobs"));

    public ModelManifest Model { get; }

    public TokenIndex Train { get; }

    public TokenIndex Validation { get; }

    /// <summary>Pairs of sequences: in the chosen ones every other token follows from the one before it, in the rejected ones it does not.</summary>
    public Lazy<TokenIndex> Pairs { get; }

    /// <summary>Sequences of three classes: which one, the range of half of their tokens says.</summary>
    public Lazy<TokenIndex> Classes { get; }

    public void Dispose() => Directory.Delete(Root, recursive: true);

    /// <summary>A spec with small numbers; <paramref name="change"/> edits its JSON.</summary>
    public static JobSpec Spec(Action<JsonObject>? change = null)
    {
        var json = JsonNode.Parse("""
            {"base_model": "tiny", "adapter": "test/tuned", "data": {"train": "train", "validation": "validation", "sequence_length": 64},
             "method": {"rank": 4, "alpha": 8},
             "optimizer": {"learning_rate": 0.005, "epochs": 2, "batch_size": 8, "micro_batch_tokens": 64, "seed": 7},
             "checkpoint": {"every_steps": 3}}
            """)!.AsObject();
        change?.Invoke(json);
        return JobSpecReader.Read(System.Text.Encoding.UTF8.GetBytes(json.ToJsonString()));
    }

    public TrainingOrder Order(string jobId, int epoch = 1, Action<JsonObject>? change = null, TokenIndex? train = null)
    {
        var spec = Spec(change);
        var random = spec.BaseModelInit() is not null;
        var own = spec.Objective.IsClassification ? Classes.Value : spec.Objective.PairBeta is not null ? Pairs.Value : null;
        return new TrainingOrder(jobId, epoch, spec, Resolve(spec), random ? null : Model, random ? Model : null, train ?? own ?? Train, own ?? Validation, null);
    }

    /// <summary>What the control plane does before it sends an order.</summary>
    public Task FenceAsync(TrainingOrder order) => new CheckpointStore(Blobs, order.JobId).FenceAsync(order.Epoch, $"test-{order.Epoch}");

    public async Task<CheckpointManifest> ResultAsync(string jobId)
    {
        var restored = await new CheckpointStore(Blobs, jobId).RestoreAsync();
        return restored!.Manifest;
    }

    /// <param name="tokens">Of every example; null: from 6 to 59.</param>
    public TokenIndex AddTokens(string name, int examples, int seed, int? tokens = null)
    {
        var random = new Random(seed);
        var (ids, labels, offsets) = (new List<int>(), new List<int>(), new List<long> { 0 });
        for (var i = 0; i < examples; i++)
        {
            var length = tokens ?? random.Next(6, 60);
            for (var t = 0; t < length; t++)
            {
                // Every other token follows from the one before it, so that there is something to learn.
                var id = t % 2 == 0 ? random.Next(10, 40) : 40 + ids[^1];
                ids.Add(id);
                labels.Add(t < 3 ? -100 : id);
            }
            offsets.Add(ids.Count);
        }
        return WriteShard(name, ids, labels, offsets);
    }

    /// <summary>Also with other names for the classes, of which there may be fewer.</summary>
    public TokenIndex AddClasses(string name, int examples, int seed, params string[] classes)
    {
        var random = new Random(seed);
        var (ids, labels, offsets) = (new List<int>(), new List<int>(), new List<long> { 0 });
        for (var i = 0; i < examples; i++)
        {
            var (length, label) = (random.Next(6, 40), random.Next(classes.Length));
            for (var t = 0; t < length; t++)
            {
                ids.Add(random.Next(2) == 0 ? random.Next(10, 40) : 100 + 20 * label + random.Next(20));
                labels.Add(t == 0 ? label : t < length / 2 ? TrainingExample.Masked : TrainingExample.SecondSegment);
            }
            offsets.Add(ids.Count);
        }
        return WriteShard(name, ids, labels, offsets) with { Format = "classification", SupervisedTokens = examples, Classes = classes };
    }

    /// <param name="tokens">Of each of a pair's sequences; null: from 6 to 29.</param>
    public TokenIndex AddPairs(string name, int pairs, int seed, int? tokens = null)
    {
        var random = new Random(seed);
        var (ids, labels, offsets, longest) = (new List<int>(), new List<int>(), new List<long> { 0 }, 0);
        for (var i = 0; i < pairs; i++)
        {
            foreach (var follows in (bool[])[true, false])
            {
                var length = tokens ?? random.Next(6, 30);
                longest = Math.Max(longest, length);
                for (var t = 0; t < length; t++)
                {
                    ids.Add(t % 2 == 0 ? random.Next(10, 40) : follows ? 40 + ids[^1] : random.Next(80, 120));
                    labels.Add(t == 0 && !follows ? TrainingExample.Second : t < 3 ? TrainingExample.Masked : ids[^1]);
                }
            }
            offsets.Add(ids.Count);
        }
        return WriteShard(name, ids, labels, offsets) with { LongestExample = longest };
    }

    private TokenIndex WriteShard(string name, List<int> ids, List<int> labels, List<long> offsets)
    {
        using var bytes = new MemoryStream();
        using (var content = SafetensorsWriter.CreateStream(
        [
            new("input_ids", SafetensorsDtype.I32, [ids.Count], Bytes(ids)),
            new("labels", SafetensorsDtype.I32, [labels.Count], Bytes(labels)),
            new("offsets", SafetensorsDtype.I64, [offsets.Count], Bytes(offsets)),
        ]))
            content.CopyTo(bytes);
        var key = $"datasets/{name}/tokens/0.safetensors";
        var digest = Put(key, bytes.ToArray());
        var lengths = offsets.Skip(1).Zip(offsets, (a, b) => (int)(a - b)).ToList();
        return new TokenIndex(
            $"datasets/{name}/tokens/index.json", digest, "tokens", 64, lengths.Count, ids.Count, labels.Count(l => l != -100), lengths.Max(),
            [new TokenShard(key, digest, bytes.Length, lengths.Count, ids.Count)]);
    }

    /// <param name="folder">Below the tests' output.</param>
    public ModelManifest AddModel(string name, string modelType, string folder)
    {
        var files = new List<SourceFile>();
        foreach (var path in Directory.EnumerateFiles(Path.Combine(AppContext.BaseDirectory, folder)).Order(StringComparer.Ordinal))
        {
            var (file, bytes) = (Path.GetFileName(path), File.ReadAllBytes(path));
            if (file == "golden.json") continue;
            files.Add(new SourceFile(file, $"models/{name}/{file}", bytes.Length, Put($"models/{name}/{file}", bytes)));
        }
        return new ModelManifest(name, new string('a', 64), modelType, 80_000, "F32", 96, Vocabulary, null, null, null, [], files);
    }

    private string Put(string key, byte[] bytes)
    {
        Blobs.WriteBytesAsync(key, bytes).GetAwaiter().GetResult();
        return Convert.ToHexStringLower(SHA256.HashData(bytes));
    }

    private static byte[] Bytes<T>(List<T> values)
        where T : unmanaged => MemoryMarshal.AsBytes(CollectionsMarshal.AsSpan(values)).ToArray();

    private static ResolvedJob Resolve(JobSpec spec) => new()
    {
        TokenizerModelId = "tiny",
        TrainDatasetId = "train",
        TrainTokensKey = "datasets/train/tokens/index.json",
        TrainTokensDigest = "",
        Format = "tokens",
        Device = "cpu",
        Precision = "fp32",
        Mode = "exact",
        Threads = 1,
        MicroBatchTokens = spec.Optimizer.MicroBatchTokens ?? 256,
        Build = "test",
        Hardware = "test",
        TotalSteps = 0,
        TrainExamples = 40,
        TrainTokens = 0,
        TrainableParameters = 0,
        MemoryBytes = 0,
    };
}
