using FineTuneGrid.Models.Config;

namespace FineTuneGrid.Models.Architectures;

/// <summary>Qwen2 and Qwen2.5: Llama with biases on the query, key and value projections, and perhaps windows on the later layers.</summary>
public sealed class Qwen2Family : IModelFamily
{
    public IReadOnlyList<string> ModelTypes { get; } = ["qwen2"];

    public Architecture Create(ModelConfig config)
    {
        var shape = DecoderShape.Read(config, context: 32768, keys: 32);
        return new LlamaLike(config, shape, shape.Rotary(config)) { QueryKeyValueBias = true, Window = Windows(config, shape.Layers) }.Build();
    }

    /// <summary>The first <c>max_window_layers</c> look at everything, unless <c>layer_types</c> says which do.</summary>
    internal static Func<int, int?> Windows(ModelConfig config, int layers)
    {
        var window = config.Flag("use_sliding_window", false) ? config.IntOr("sliding_window", 4096) : null;
        var from = config.Int("max_window_layers", 28, 0, int.MaxValue);
        var local = config.LayerKinds("sliding_attention", layers, i => window is not null && i >= from);
        if (window is null && local.Contains(true))
            throw config.Wrong("layer_types", "has sliding_attention, which needs use_sliding_window true and a sliding_window");
        return i => local[i] ? window : null;
    }
}

/// <summary>Qwen3: norms of each query and key head, head size apart from the hidden size.</summary>
public sealed class Qwen3Family : IModelFamily
{
    public IReadOnlyList<string> ModelTypes { get; } = ["qwen3"];

    public Architecture Create(ModelConfig config)
    {
        var shape = DecoderShape.Read(config, context: 32768, keys: 32, headDim: 128);
        var bias = config.Flag("attention_bias", false);
        return new LlamaLike(config, shape, shape.Rotary(config))
        {
            QueryKeyValueBias = bias, OutputBias = bias, HeadNorms = true, Window = Qwen2Family.Windows(config, shape.Layers),
        }.Build();
    }
}
