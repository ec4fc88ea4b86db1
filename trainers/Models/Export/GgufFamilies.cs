using FineTuneGrid.Contracts;
using FineTuneGrid.Models.Architectures;
using FineTuneGrid.Models.Config;

namespace FineTuneGrid.Models.Export;

/// <summary>The families that llama.cpp runs. To add one: a line here, its table in one of the files beside this.</summary>
public static class GgufFamilies
{
    private static readonly Dictionary<string, GgufFamily> ByType = new(StringComparer.Ordinal)
    {
        ["llama"] = GgufLlamaFamilies.Llama,
        ["mistral"] = GgufLlamaFamilies.Mistral,
        ["mixtral"] = GgufLlamaFamilies.Mixtral,
        ["granite"] = GgufLlamaFamilies.Granite,
        ["granitemoe"] = GgufLlamaFamilies.GraniteMoe,
        ["olmo"] = GgufLlamaFamilies.Olmo,
        ["olmo2"] = GgufLlamaFamilies.Olmo2,
        ["qwen2"] = GgufLlamaFamilies.Qwen2,
        ["qwen3"] = GgufLlamaFamilies.Qwen3,
        ["gemma"] = GgufGemmaFamilies.Gemma,
        ["gemma2"] = GgufGemmaFamilies.Gemma2,
        ["gemma3_text"] = GgufGemmaFamilies.Gemma3,
        ["phi"] = GgufOtherFamilies.Phi,
        ["phi3"] = GgufOtherFamilies.Phi3,
        ["stablelm"] = GgufOtherFamilies.StableLm,
        ["starcoder2"] = GgufOtherFamilies.Starcoder2,
        ["cohere"] = GgufOtherFamilies.Cohere,
        ["gpt2"] = GgufFusedFamilies.Gpt2,
        ["gpt_bigcode"] = GgufFusedFamilies.GptBigCode,
        ["gpt_neox"] = GgufFusedFamilies.GptNeoX,
        ["falcon"] = GgufFusedFamilies.Falcon,
        ["bloom"] = GgufFusedFamilies.Bloom,
        ["mpt"] = GgufFusedFamilies.Mpt,
    };

    /// <summary>Every <c>model_type</c> that can be written.</summary>
    public static IReadOnlyCollection<string> ModelTypes { get; } = [.. ByType.Keys.Order(StringComparer.Ordinal)];

    /// <exception cref="GridException"><c>unsupported_model</c>: llama.cpp does not run it, or would compute something else.</exception>
    internal static GgufFamily Of(Architecture architecture)
    {
        var config = architecture.Config;
        if (!ByType.TryGetValue(config.ModelType, out var family))
            throw Refused($"llama.cpp does not run models of type '{config.ModelType}'; GGUF is there for {string.Join(", ", ModelTypes)}", "model_type");
        var activation = config.TextOrNull(family.Activation.Field) ?? family.Activation.Default;
        if (!IsOf(family.Activation.Kind, activation))
            throw Refused($"llama.cpp computes {family.Activation.Kind} for models of type '{config.ModelType}', but {family.Activation.Field} is {activation}", family.Activation.Field);
        if (family.Rotary(architecture) is { Dynamic: not null })
            throw Refused("llama.cpp has no rope scaling of type 'dynamic'", "rope_scaling");
        if (family.Rotary(architecture) is { Llama3: not null } && !family.TakesFrequencyFactors)
            throw Refused($"llama.cpp has no rope scaling of type 'llama3' for models of type '{config.ModelType}'", "rope_scaling");
        return family.Refusal?.Invoke(architecture) is { } why ? throw Refused(why, "model_type") : family;
    }

    internal static GridException Refused(string why, string field) =>
        new(ErrorCodes.UnsupportedModel, $"The model cannot be written as GGUF: {why}. Export it in another format (safetensors, or merged for an adapter).", field);

    private static bool IsOf(string kind, string activation) =>
        kind == "silu" ? activation is "silu" or "swish" : activation.StartsWith("gelu", StringComparison.Ordinal);
}
