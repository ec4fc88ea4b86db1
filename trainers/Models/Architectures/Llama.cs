using FineTuneGrid.Models.Config;
using FineTuneGrid.Models.Layers;
using static TorchSharp.torch;

namespace FineTuneGrid.Models.Architectures;

/// <summary>Llama 1 to 3.x and everything published under <c>model_type: llama</c>.</summary>
public sealed class LlamaFamily : IModelFamily
{
    public IReadOnlyList<string> ModelTypes { get; } = ["llama"];

    public Architecture Create(ModelConfig config)
    {
        var attentionBias = config.Flag("attention_bias", false);
        return LlamaArchitecture.Build(config, LlamaShape.Read(config) with
        {
            QueryKeyValueBias = attentionBias,
            OutputBias = attentionBias,
            MlpBias = config.Flag("mlp_bias", false),
        });
    }
}

/// <summary>What the Llama-like families differ in.</summary>
internal sealed record LlamaShape(
    int Vocab, int Hidden, int Intermediate, int Layers, int Heads, int KeyValueHeads, int HeadDim, int Context,
    double NormEpsilon, bool Tied, RotarySpec Rotary, Func<Tensor, Tensor> Activate)
{
    internal bool QueryKeyValueBias { get; init; }

    internal bool OutputBias { get; init; }

    internal bool MlpBias { get; init; }

    /// <summary>Sliding window of the attention, in tokens.</summary>
    internal int? Window { get; init; }

    /// <summary>Reads what all of them share. The defaults are those of the family's config class, which published configs leave out.</summary>
    internal static LlamaShape Read(ModelConfig config, int? defaultKeyValueHeads = null, int defaultContext = 2048, bool tiedByDefault = false)
    {
        var hidden = config.Int("hidden_size");
        var heads = config.Int("num_attention_heads");
        var kvHeads = config.Int("num_key_value_heads", defaultKeyValueHeads ?? heads, 1, heads);
        if (heads % kvHeads != 0)
            throw config.Wrong("num_key_value_heads", $"must divide num_attention_heads ({heads})");
        if (!config.Has("head_dim") && hidden % heads != 0)
            throw config.Wrong("hidden_size", $"must be a multiple of num_attention_heads ({heads})");
        var headDim = config.Int("head_dim", hidden / heads, 1, 4096);
        return new LlamaShape(
            config.Int("vocab_size"), hidden, config.Int("intermediate_size"), config.Int("num_hidden_layers", 1, 4096), heads, kvHeads,
            headDim, config.Int("max_position_embeddings", defaultContext, 1, int.MaxValue), config.Number("rms_norm_eps", 1e-6),
            config.Flag("tie_word_embeddings", tiedByDefault), RotarySpec.Read(config, headDim), Activation.Read(config, "hidden_act", "silu"));
    }
}

/// <summary>The names of one layer's modules and norms.</summary>
internal sealed record LlamaLayer(
    string InputNorm, string Query, string Key, string Value, string Output, string PostNorm, string Gate, string Up, string Down)
{
    internal static LlamaLayer Declare(ParameterList p, string prefix, LlamaShape s)
    {
        int queries = s.Heads * s.HeadDim, keys = s.KeyValueHeads * s.HeadDim;
        return new LlamaLayer(
            p.Scale($"{prefix}.input_layernorm.weight", s.Hidden),
            p.Linear($"{prefix}.self_attn.q_proj", s.Hidden, queries, s.QueryKeyValueBias),
            p.Linear($"{prefix}.self_attn.k_proj", s.Hidden, keys, s.QueryKeyValueBias),
            p.Linear($"{prefix}.self_attn.v_proj", s.Hidden, keys, s.QueryKeyValueBias),
            p.Linear($"{prefix}.self_attn.o_proj", queries, s.Hidden, s.OutputBias),
            p.Scale($"{prefix}.post_attention_layernorm.weight", s.Hidden),
            p.Linear($"{prefix}.mlp.gate_proj", s.Hidden, s.Intermediate, s.MlpBias),
            p.Linear($"{prefix}.mlp.up_proj", s.Hidden, s.Intermediate, s.MlpBias),
            p.Linear($"{prefix}.mlp.down_proj", s.Intermediate, s.Hidden, s.MlpBias));
    }
}

internal sealed class LlamaArchitecture(ModelConfig config, ParameterList parameters, LlamaShape shape, LlamaLayer[] layers)
    : Architecture(config, parameters)
{
    private readonly AttentionSpec _attention = new(1 / Math.Sqrt(shape.HeadDim), shape.Window);

    internal static LlamaArchitecture Build(ModelConfig config, LlamaShape shape)
    {
        var parameters = new ParameterList();
        var layers = new LlamaLayer[shape.Layers];
        parameters.Embedding("model.embed_tokens.weight", shape.Vocab, shape.Hidden);
        for (var i = 0; i < shape.Layers; i++)
            layers[i] = LlamaLayer.Declare(parameters, $"model.layers.{i}", shape);
        parameters.Scale("model.norm.weight", shape.Hidden);
        if (!shape.Tied)
            parameters.Projection("lm_head", shape.Hidden, shape.Vocab, bias: false);
        return new LlamaArchitecture(config, parameters, shape, layers)
        {
            VocabSize = shape.Vocab,
            HiddenSize = shape.Hidden,
            LayerCount = shape.Layers,
            ContextLength = shape.Rotary.Stretch(shape.Context),
            Rotary = shape.Rotary,
            HeadCount = shape.Heads,
            KeyValueHeads = shape.KeyValueHeads,
            HeadDim = shape.HeadDim,
            Head = new HeadSpec(shape.Tied ? "model.embed_tokens.weight" : "lm_head.weight"),
        };
    }

    public override Tensor Embed(ForwardPass pass, Tensor tokens) => pass.Embed("model.embed_tokens.weight", tokens);

    public override Tensor Block(ForwardPass pass, int layer, Tensor hidden)
    {
        var names = layers[layer];
        var x = pass.RmsNorm(names.InputNorm, hidden, shape.NormEpsilon);
        var query = pass.Rotate(Heads(pass.Linear(names.Query, x), shape.Heads), shape.Rotary);
        var key = pass.Rotate(Heads(pass.Linear(names.Key, x), shape.KeyValueHeads), shape.Rotary);
        var value = Heads(pass.Linear(names.Value, x), shape.KeyValueHeads);
        hidden = hidden + pass.Linear(names.Output, pass.Attend(layer, query, key, value, _attention));
        x = pass.RmsNorm(names.PostNorm, hidden, shape.NormEpsilon);
        return hidden + pass.Linear(names.Down, shape.Activate(pass.Linear(names.Gate, x)) * pass.Linear(names.Up, x));
    }

    public override Tensor Final(ForwardPass pass, Tensor hidden) => pass.RmsNorm("model.norm.weight", hidden, shape.NormEpsilon);

    private Tensor Heads(Tensor x, int heads) => x.view(-1, heads, shape.HeadDim);
}
