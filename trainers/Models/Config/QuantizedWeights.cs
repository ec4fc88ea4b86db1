using System.Text.Json;
using FineTuneGrid.Contracts;

namespace FineTuneGrid.Models.Config;

/// <summary>Folders whose weights somebody quantised already. Bases are taken unquantised, and quantised here where a job asks for it.</summary>
internal static class QuantizedWeights
{
    private static readonly string[] Fields = ["quantization_config", "compression_config"];

    /// <exception cref="GridException"><c>unsupported_model</c>, naming the scheme and what to bring instead.</exception>
    internal static void Refuse(ModelConfig config)
    {
        if (Array.Find(Fields, config.Has) is not { } field)
            return;
        var scheme = Scheme(config.Json.GetProperty(field));
        var way = scheme.StartsWith("bitsandbytes", StringComparison.Ordinal)
            ? "add the model that it was made from, or write it back: AutoModelForCausalLM.from_pretrained(DIR).dequantize().save_pretrained(NEW)"
            : "add the model that it was made from, in fp32, bf16 or fp16";
        throw new GridException(ErrorCodes.UnsupportedModel,
            $"config.json: {field} says that the weights are quantised ({scheme}), which this build does not read; {way}. A job with method.quantization \"nf4\" holds it in 4 bits.", field);
    }

    private static string Scheme(JsonElement given)
    {
        if (given.ValueKind != JsonValueKind.Object)
            return "of an unknown scheme";
        var name = new[] { "quant_method", "quant_algo", "format" }.Select(f => Text(given, f)).FirstOrDefault(t => t is not null);
        if (name is not null)
            return name.Length <= 60 ? name : name[..60];
        return given.TryGetProperty("load_in_4bit", out _) || given.TryGetProperty("load_in_8bit", out _) ? "bitsandbytes" : "of an unknown scheme";
    }

    private static string? Text(JsonElement json, string name) =>
        json.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}
