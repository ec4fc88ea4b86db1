using System.Text.Json;
using FineTuneGrid.Models.Architectures;
using FineTuneGrid.Models.Config;
using FineTuneGrid.Models.Layers;
using FineTuneGrid.Models.Loading;
using FineTuneGrid.Models.Lora;
using FineTuneGrid.Storage;
using static TorchSharp.torch;

namespace FineTuneGrid.Models.Tests;

/// <summary>A small published-style model folder and what the reference implementation computes from it.</summary>
internal sealed class Golden
{
    private readonly string _folder;

    public Golden(string family)
    {
        _folder = Path.Combine(AppContext.BaseDirectory, "goldens", family);
        Body = ModelFamilies.Create(ModelConfig.Parse(System.IO.File.ReadAllBytes(File("config.json"))));
        Architecture = IsClassifier(family) ? SequenceClassifier.Create(Body, Labels(Body.Config)) : Body;
        Values = JsonDocument.Parse(System.IO.File.ReadAllBytes(File("golden.json"))).RootElement;
        Training = JsonDocument.Parse(System.IO.File.ReadAllBytes(File("lora/train.json"))).RootElement;
    }

    /// <summary>Every folder of reference values.</summary>
    public static string[] Names { get; } =
        [.. Directory.GetDirectories(Path.Combine(AppContext.BaseDirectory, "goldens")).Select(d => Path.GetFileName(d)!).Order(StringComparer.Ordinal)];

    public static TheoryData<string> Families => [.. Names];

    /// <summary>Those that predict tokens.</summary>
    public static TheoryData<string> Decoders => [.. Names.Where(n => !IsClassifier(n))];

    /// <summary>Those that tell classes.</summary>
    public static TheoryData<string> Classifiers => [.. Names.Where(IsClassifier)];

    public Architecture Architecture { get; }

    /// <summary>Without the head over classes, where it has one.</summary>
    public Architecture Body { get; }

    public JsonElement Values { get; }

    public JsonElement Training { get; }

    public ITensorSource Weights => new SafetensorsSource(SafetensorsFile.Open(File("model.safetensors")));

    public static bool IsClassifier(string family) => family.Contains("seqcls", StringComparison.Ordinal);

    public int[][] Sequences => (Architecture.Classifier is null ? Values : Cases.GetProperty("plain")).GetProperty("input_ids").Deserialize<int[][]>()!;

    public JsonElement Cases => Values.GetProperty("cases");

    public CausalLm Load(ScalarType compute = ScalarType.Float32) => new(Architecture, WeightLoader.Load(Architecture, Weights, compute));

    public LoraAdapter Adapter(string which) => PeftAdapter.Read(
        Architecture, System.IO.File.ReadAllBytes(File($"lora/{which}/adapter_config.json")), new SafetensorsSource(SafetensorsFile.Open(File($"lora/{which}/adapter_model.safetensors"), SafetensorsProfile.Adapter)));

    public string File(string name) => Path.Combine(_folder, name.Replace('/', Path.DirectorySeparatorChar));

    public MicroBatch Batch() => Architecture.Classifier is null ? MicroBatch.Of(Sequences) : Case(Training.GetProperty("batch"));

    /// <summary>Other sequences: to be predicted, or to be classified as one class after the other.</summary>
    public MicroBatch BatchOf(params int[][] sequences)
    {
        if (Architecture.Classifier is not { } classifier)
            return MicroBatch.Of(sequences);
        int[] tokens = [.. sequences.SelectMany(s => s)];
        // Which class a sequence counts as must not depend on what stands beside it.
        long[] classes = [.. sequences.Select(s => (long)s.Length % classifier.Labels.Count)];
        return MicroBatch.OfClasses(tokens, [.. sequences.Select(s => s.Length)], classes, classifier.FirstToken, [.. tokens.Select(t => t % 2)]);
    }

    /// <summary>Log-probabilities that the reference values have of such a batch: of every target, or of every class.</summary>
    public float[] LogProbs(CausalLm model, MicroBatch batch, LoraAdapter? adapter = null) => Architecture.Classifier is null
        ? [.. model.Loss(batch, adapter).Losses.Select(l => -l)]
        : [.. model.ClassLogProbs(batch, adapter).SelectMany(row => row).Select(p => (float)p)];

    /// <summary>The sequences of a case without their padding.</summary>
    public MicroBatch Case(JsonElement values)
    {
        var lengths = Rows("attention_mask").Select(mask => mask.Sum()).ToArray();
        int[] Packed(string name) => [.. Rows(name).SelectMany((row, i) => row.Take(lengths[i]))];
        return MicroBatch.OfClasses(
            Packed("input_ids"), lengths, values.GetProperty("labels").Deserialize<long[]>()!, Architecture.Classifier!.FirstToken, Packed("token_type_ids"));

        int[][] Rows(string name) => values.GetProperty(name).Deserialize<int[][]>()!;
    }

    private static string[] Labels(ModelConfig config) =>
        [.. config.Json.GetProperty("id2label").EnumerateObject().OrderBy(p => int.Parse(p.Name, System.Globalization.CultureInfo.InvariantCulture)).Select(p => p.Value.GetString()!)];
}
