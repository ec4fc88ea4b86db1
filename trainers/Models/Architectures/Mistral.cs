using FineTuneGrid.Models.Config;

namespace FineTuneGrid.Models.Architectures;

/// <summary>Mistral: Llama with an optional sliding window.</summary>
public sealed class MistralFamily : IModelFamily
{
    public IReadOnlyList<string> ModelTypes { get; } = ["mistral"];

    public Architecture Create(ModelConfig config)
    {
        var shape = DecoderShape.Read(config, context: 131072, keys: 8);
        var window = config.IntOr("sliding_window", 4096);
        return new LlamaLike(config, shape, shape.Rotary(config)) { Window = _ => window }.Build();
    }
}
