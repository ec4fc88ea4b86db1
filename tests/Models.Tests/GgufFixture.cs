using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using FineTuneGrid.Models.Architectures;
using FineTuneGrid.Models.Config;
using FineTuneGrid.Models.Export;
using FineTuneGrid.Models.Loading;
using FineTuneGrid.Models.Lora;
using FineTuneGrid.Storage;

namespace FineTuneGrid.Models.Tests;

/// <summary>A golden model, its config perhaps changed, its adapter, and both written as GGUF into a folder.</summary>
internal sealed class GgufFixture : IDisposable
{
    private readonly Golden _golden;
    private readonly string _folder;
    private readonly SafetensorsFile _file;

    public GgufFixture(string family, string folder, Action<JsonObject>? change = null)
    {
        (_golden, _folder, Family) = (new Golden(family), folder, family);
        var config = JsonNode.Parse(File.ReadAllBytes(_golden.File("config.json")))!.AsObject();
        change?.Invoke(config);
        ConfigBytes = JsonSerializer.SerializeToUtf8Bytes(config);
        Architecture = ModelFamilies.Create(ModelConfig.Parse(ConfigBytes));
        _file = SafetensorsFile.Open(_golden.File("model.safetensors"));
        Source = new SafetensorsSource(_file);
    }

    public string Family { get; }

    public byte[] ConfigBytes { get; }

    public Architecture Architecture { get; }

    public ITensorSource Source { get; }

    public string ModelPath => Path.Combine(_folder, Family + ".gguf");

    public string AdapterPath => Path.Combine(_folder, Family + "-lora.gguf");

    public int[][] Sequences => _golden.Sequences;

    public CausalLm Load() => new(Architecture, WeightLoader.Load(Architecture, Source));

    public LoraAdapter Adapter() => PeftAdapter.Read(Architecture, File.ReadAllBytes(_golden.File("lora/final/adapter_config.json")),
        new SafetensorsSource(SafetensorsFile.Open(_golden.File("lora/final/adapter_model.safetensors"), SafetensorsProfile.Adapter)));

    public IReadOnlyList<string> WriteModel(GgufType? type = null)
    {
        using var stream = File.Create(ModelPath);
        return GgufModel.Write(stream, Architecture, Family, Source, Vocabulary(), type);
    }

    public void WriteAdapter(LoraAdapter adapter)
    {
        using var stream = File.Create(AdapterPath);
        GgufAdapter.Write(stream, Architecture, Family, adapter);
    }

    /// <summary>A string for each id: text is not encoded with it.</summary>
    private GgufVocabulary Vocabulary()
    {
        var vocabulary = new JsonObject(Enumerable.Range(0, Architecture.VocabSize).Select(i => KeyValuePair.Create($"tok{i};", (JsonNode?)i)));
        var tokenizer = new JsonObject { ["model"] = new JsonObject { ["type"] = "BPE", ["vocab"] = vocabulary, ["merges"] = new JsonArray() } };
        return GgufVocabulary.Read(new Dictionary<string, ReadOnlyMemory<byte>>
        {
            ["tokenizer.json"] = Encoding.UTF8.GetBytes(tokenizer.ToJsonString()),
            ["tokenizer_config.json"] = """{"bos_token":"tok1;","eos_token":"tok2;"}"""u8.ToArray(),
        }, null, Architecture.VocabSize);
    }

    public void Dispose() => _file.Dispose();
}
