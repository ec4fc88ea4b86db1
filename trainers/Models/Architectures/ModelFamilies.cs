using FineTuneGrid.Contracts;
using FineTuneGrid.Models.Config;

namespace FineTuneGrid.Models.Architectures;

/// <summary>Reads the configs of some <c>model_type</c>s. To add a family: one file with an <see cref="Architecture"/>, one line below.</summary>
public interface IModelFamily
{
    IReadOnlyList<string> ModelTypes { get; }

    /// <exception cref="GridException"><c>invalid_model</c> or <c>unsupported_model</c>, naming the field.</exception>
    Architecture Create(ModelConfig config);
}

/// <summary>The families of this build.</summary>
public static class ModelFamilies
{
    private static readonly IModelFamily[] All =
    [
        new BertFamily(), new BloomFamily(), new CodeGenFamily(), new CohereFamily(), new FalconFamily(), new GemmaFamily(), new Gemma2Family(), new Gemma3Family(),
        new Gpt2Family(), new GptBigCodeFamily(), new GptJFamily(), new GptNeoFamily(), new GptNeoXFamily(), new GraniteFamily(), new LlamaFamily(),
        new MistralFamily(), new MixtralFamily(), new MptFamily(), new OlmoFamily(), new Olmo2Family(), new OptFamily(), new PhiFamily(),
        new Phi3Family(), new Qwen2Family(), new Qwen3Family(), new StableLmFamily(), new Starcoder2Family(),
    ];

    private static readonly Dictionary<string, IModelFamily> ByType =
        All.SelectMany(f => f.ModelTypes.Select(t => (t, f))).ToDictionary(p => p.t, p => p.f, StringComparer.Ordinal);

    public static IReadOnlyCollection<string> ModelTypes { get; } = [.. ByType.Keys.Order(StringComparer.Ordinal)];

    /// <summary>The architecture that a config describes. Loads no weights.</summary>
    public static Architecture Create(ModelConfig config)
    {
        if (!ByType.TryGetValue(config.ModelType, out var family))
        {
            throw new GridException(ErrorCodes.UnsupportedModel,
                $"config.json: model_type '{config.ModelType}' is not supported{WayOut(config.ModelType)}; supported are {string.Join(", ", ModelTypes)}.", "model_type");
        }

        QuantizedWeights.Refuse(config);
        return family.Create(config);
    }

    /// <summary>For types whose weights have another form too.</summary>
    private static string WayOut(string modelType) => modelType switch
    {
        "RefinedWeb" or "RefinedWebModel" => " (Falcon from before transformers had it: convert the folder with its convert_custom_code_checkpoint.py)",
        "gemma3" => " (it has a vision tower: save the text model alone, as Gemma3ForCausalLM, whose model_type is gemma3_text)",
        _ => "",
    };
}
