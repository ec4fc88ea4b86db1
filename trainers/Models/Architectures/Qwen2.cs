using FineTuneGrid.Models.Config;

namespace FineTuneGrid.Models.Architectures;

/// <summary>Qwen2 and Qwen2.5: Llama with biases on the query, key and value projections.</summary>
public sealed class Qwen2Family : IModelFamily
{
    public IReadOnlyList<string> ModelTypes { get; } = ["qwen2"];

    public Architecture Create(ModelConfig config)
    {
        config.Require(!config.Flag("use_sliding_window", false), "use_sliding_window", "full attention (false)");
        return LlamaArchitecture.Build(config, LlamaShape.Read(config, defaultKeyValueHeads: 32, defaultContext: 32768) with { QueryKeyValueBias = true });
    }
}
