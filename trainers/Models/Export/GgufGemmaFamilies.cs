using FineTuneGrid.Models.Architectures;
using FineTuneGrid.Models.Config;
using static FineTuneGrid.Models.Export.GgufForm;

namespace FineTuneGrid.Models.Export;

/// <summary>Gemma 1 to 3. llama.cpp tells sizes apart by the number of layers, and some of what the config says with them.</summary>
internal static class GgufGemmaFamilies
{
    private static readonly GgufModule[] Shared =
    [
        new("model.embed_tokens", "token_embd"), new("model.norm", "output_norm", PlusOne),
        new("model.layers.#.input_layernorm", "blk.#.attn_norm", PlusOne),
        .. GgufLlamaFamilies.Attention(), .. GgufLlamaFamilies.Gated(),
    ];

    private static readonly GgufModule[] Sandwich =
    [
        .. Shared,
        new("model.layers.#.post_attention_layernorm", "blk.#.post_attention_norm", PlusOne),
        new("model.layers.#.pre_feedforward_layernorm", "blk.#.ffn_norm", PlusOne),
        new("model.layers.#.post_feedforward_layernorm", "blk.#.post_ffw_norm", PlusOne),
    ];

    public static GgufFamily Gemma { get; } = new("gemma", [.. Shared, new("model.layers.#.post_attention_layernorm", "blk.#.ffn_norm", PlusOne)])
    {
        Epsilon = (GgufLlamaFamilies.RmsEpsilon, c => c.Number("rms_norm_eps", 1e-6)),
        Activation = ("gelu", "hidden_activation", "gelu_pytorch_tanh"),
    };

    public static GgufFamily Gemma2 { get; } = Gemma with
    {
        Architecture = "gemma2",
        Modules = Sandwich,
        More = (m, a) =>
        {
            m.Own("attn_logit_softcapping", a.Config.NumberOr("attn_logit_softcapping", 50)!.Value);
            m.Own("final_logit_softcapping", a.Config.NumberOr("final_logit_softcapping", 30)!.Value);
            m.Own("attention.sliding_window", (long)a.Config.Int("sliding_window", 4096, 1, int.MaxValue));
        },
        Refusal = a => Scale(a, largest: 46)
            ?? (a.Config.NumberOr("attn_logit_softcapping", 50) is null || a.Config.NumberOr("final_logit_softcapping", 30) is null ? "llama.cpp caps the scores and logits of every Gemma 2 model" : null)
            ?? Layers(a, i => i % 2 == 0),
    };

    public static GgufFamily Gemma3 { get; } = Gemma with
    {
        Architecture = "gemma3",
        Modules = [.. Sandwich, new("model.layers.#.self_attn.q_norm", "blk.#.attn_q_norm", PlusOne), new("model.layers.#.self_attn.k_norm", "blk.#.attn_k_norm", PlusOne)],
        Rotary = Wide,
        More = (m, a) => m.Own("attention.sliding_window", (long)a.Config.Int("sliding_window", 4096, 1, int.MaxValue)),
        Refusal = a => Scale(a, largest: 62)
            ?? (a.Config.NumberOrNull("attn_logit_softcapping") ?? a.Config.NumberOrNull("final_logit_softcapping")) switch { null => null, _ => "llama.cpp caps no scores or logits of Gemma 3 models" }
            ?? (Narrow(a.Config) == 10000 ? null : $"llama.cpp rotates the local layers of Gemma 3 models with base 10000, not {Narrow(a.Config)}")
            ?? Layers(a, i => (i + 1) % 6 != 0),
    };

    /// <summary>Scores are divided by the root of the head's size; only in the largest model by that of hidden / heads.</summary>
    private static string? Scale(Architecture a, int largest)
    {
        var wanted = a.LayerCount == largest ? a.HiddenSize / a.HeadCount : a.HeadDim;
        var scalar = a.Config.Number("query_pre_attn_scalar", 256);
        return scalar == wanted ? null : $"query_pre_attn_scalar is {scalar}, but llama.cpp divides scores by the root of {wanted} in a model of this shape";
    }

    private static string? Layers(Architecture a, Func<int, bool> local)
    {
        var pattern = a.Config.Int(a.Config.First("sliding_window_pattern", "_sliding_window_pattern"), 6, 1, 4096);
        var kinds = a.Config.LayerKinds("sliding_attention", a.LayerCount, i => a.Config.ModelType == "gemma2" ? i % 2 == 0 : (i + 1) % pattern != 0);
        return kinds.Index().All(k => k.Item == local(k.Index)) ? null : "llama.cpp has another order of local and global layers";
    }

    private static RotarySpec Wide(Architecture a) => a.Config.Object("rope_parameters") is { } both && both.Has("full_attention")
        ? RotarySpec.Read(both.Object("full_attention"), a.HeadDim, null, 1e6, new(a.ContextLength, null))
        : RotarySpec.Read(a.Config, a.HeadDim, a.ContextLength, 1e6);

    private static double Narrow(ModelConfig config) => config.Object("rope_parameters")?.Object("sliding_attention") is { } local
        ? local.Number("rope_theta", 1e4)
        : config.Number("rope_local_base_freq", 1e4);
}
