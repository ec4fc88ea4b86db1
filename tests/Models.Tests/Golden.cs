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
        Architecture = ModelFamilies.Create(ModelConfig.Parse(System.IO.File.ReadAllBytes(File("config.json"))));
        Values = JsonDocument.Parse(System.IO.File.ReadAllBytes(File("golden.json"))).RootElement;
        Training = JsonDocument.Parse(System.IO.File.ReadAllBytes(File("lora/train.json"))).RootElement;
    }

    /// <summary>Every folder of reference values.</summary>
    public static string[] Names { get; } =
        [.. Directory.GetDirectories(Path.Combine(AppContext.BaseDirectory, "goldens")).Select(d => Path.GetFileName(d)!).Order(StringComparer.Ordinal)];

    public static TheoryData<string> Families => [.. Names];

    public Architecture Architecture { get; }

    public JsonElement Values { get; }

    public JsonElement Training { get; }

    public ITensorSource Weights => new SafetensorsSource(SafetensorsFile.Open(File("model.safetensors")));

    public int[][] Sequences => Values.GetProperty("input_ids").Deserialize<int[][]>()!;

    public CausalLm Load(ScalarType compute = ScalarType.Float32) => new(Architecture, WeightLoader.Load(Architecture, Weights, compute));

    public LoraAdapter Adapter(string which) => PeftAdapter.Read(
        Architecture, System.IO.File.ReadAllBytes(File($"lora/{which}/adapter_config.json")), new SafetensorsSource(SafetensorsFile.Open(File($"lora/{which}/adapter_model.safetensors"), SafetensorsProfile.Adapter)));

    public string File(string name) => Path.Combine(_folder, name.Replace('/', Path.DirectorySeparatorChar));

    public MicroBatch Batch() => MicroBatch.Of(Sequences);
}
