using FineTuneGrid.Models.Config;

namespace FineTuneGrid.Models.Architectures;

/// <summary>Mistral: Llama with an optional sliding window.</summary>
public sealed class MistralFamily : IModelFamily
{
    /// <summary>What an absent field means; null switches the window off.</summary>
    private const int DefaultWindow = 4096;

    public IReadOnlyList<string> ModelTypes { get; } = ["mistral"];

    public Architecture Create(ModelConfig config)
    {
        return LlamaArchitecture.Build(config, LlamaShape.Read(config, defaultKeyValueHeads: 8, defaultContext: 131072) with
        {
            Window = config.Json.TryGetProperty("sliding_window", out _) ? config.IntOrNull("sliding_window") : DefaultWindow,
        });
    }
}
