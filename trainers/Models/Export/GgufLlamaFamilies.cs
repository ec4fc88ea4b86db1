using FineTuneGrid.Models.Architectures;
using FineTuneGrid.Models.Config;
using static FineTuneGrid.Models.Export.GgufForm;

namespace FineTuneGrid.Models.Export;

/// <summary>Llama and the families that name their modules as it does.</summary>
internal static class GgufLlamaFamilies
{
    internal const string RmsEpsilon = "attention.layer_norm_rms_epsilon";

    private static readonly (string, string, string) Silu = ("silu", "hidden_act", "silu");

    public static GgufFamily Llama { get; } = new("llama", [.. Outside, .. Attention(pairs: true, bias: true), .. Norms, .. Gated(bias: true)])
    {
        Epsilon = (RmsEpsilon, c => c.Number("rms_norm_eps", 1e-6)),
        Activation = Silu,
        TakesFrequencyFactors = true,
    };

    public static GgufFamily Mistral { get; } = Llama with { Window = c => c.Json.TryGetProperty("sliding_window", out _) ? c.IntOrNull("sliding_window") : 4096 };

    public static GgufFamily Mixtral { get; } = Llama with
    {
        Modules =
        [
            .. Outside, .. Attention(pairs: true), .. Norms,
            new("model.layers.#.block_sparse_moe.gate", "blk.#.ffn_gate_inp"),
            new("model.layers.#.block_sparse_moe.experts.%.w1", "blk.#.ffn_gate_exps"),
            new("model.layers.#.block_sparse_moe.experts.%.w2", "blk.#.ffn_down_exps"),
            new("model.layers.#.block_sparse_moe.experts.%.w3", "blk.#.ffn_up_exps"),
        ],
        Epsilon = (RmsEpsilon, c => c.Number("rms_norm_eps", 1e-5)),
        Window = c => c.IntOrNull("sliding_window"),
        More = (m, a) => Experts(m, a.Config),
    };

    public static GgufFamily Granite { get; } = Llama with { Architecture = "granite", More = (m, a) => Multipliers(m, a.Config) };

    public static GgufFamily GraniteMoe { get; } = Granite with
    {
        Architecture = "granitemoe",
        Modules =
        [
            .. Outside, .. Attention(pairs: true), .. Norms,
            new("model.layers.#.block_sparse_moe.router.layer", "blk.#.ffn_gate_inp"),
            new("model.layers.#.block_sparse_moe.input_linear", "blk.#.ffn_gate_exps", FirstHalf),
            new("model.layers.#.block_sparse_moe.input_linear", "blk.#.ffn_up_exps", SecondHalf),
            new("model.layers.#.block_sparse_moe.output_linear", "blk.#.ffn_down_exps"),
        ],
        More = (m, a) =>
        {
            Multipliers(m, a.Config);
            Experts(m, a.Config);
        },
    };

    /// <summary>Its norms have no parameters.</summary>
    public static GgufFamily Olmo { get; } = new("olmo", [.. Outside.Where(m => m.Name != "output_norm"), .. Attention(pairs: true), .. Gated()])
    {
        Epsilon = ("attention.layer_norm_epsilon", _ => 1e-5),
        Activation = Silu,
        More = (m, a) =>
        {
            if (a.Config.NumberOrNull("clip_qkv") is > 0 and var limit)
                m.Own("attention.clamp_kqv", limit);
        },
    };

    public static GgufFamily Olmo2 { get; } = new("olmo2",
    [
        .. Outside, .. Attention(), .. HeadNorms, .. Gated(),
        new("model.layers.#.post_attention_layernorm", "blk.#.post_attention_norm"), new("model.layers.#.post_feedforward_layernorm", "blk.#.post_ffw_norm"),
    ])
    {
        Epsilon = (RmsEpsilon, c => c.Number("rms_norm_eps", 1e-5)),
        Activation = Silu,
        NeedsHead = true,
    };

    public static GgufFamily Qwen2 { get; } = new("qwen2", [.. Outside, .. Attention(bias: true, outputBias: false), .. Norms, .. Gated()])
    {
        Epsilon = (RmsEpsilon, c => c.Number("rms_norm_eps", 1e-6)),
        Activation = Silu,
        Window = c => c.Flag("use_sliding_window", false) ? c.Int("sliding_window", 4096, 1, int.MaxValue) : null,
    };

    public static GgufFamily Qwen3 { get; } = new("qwen3", [.. Outside, .. Attention(), .. HeadNorms, .. Norms, .. Gated()])
    {
        Epsilon = (RmsEpsilon, c => c.Number("rms_norm_eps", 1e-6)),
        Activation = Silu,
        Window = c => c.Flag("use_sliding_window", false) ? c.Int("sliding_window", 4096, 1, int.MaxValue) : null,
    };

    /// <summary>Embedding, last norm, head.</summary>
    internal static GgufModule[] Outside =>
        [new("model.embed_tokens", "token_embd"), new("model.norm", "output_norm", Bias: true), new("lm_head", "output")];

    internal static GgufModule[] Norms =>
        [new("model.layers.#.input_layernorm", "blk.#.attn_norm", Bias: true), new("model.layers.#.post_attention_layernorm", "blk.#.ffn_norm", Bias: true)];

    internal static GgufModule[] HeadNorms =>
        [new("model.layers.#.self_attn.q_norm", "blk.#.attn_q_norm"), new("model.layers.#.self_attn.k_norm", "blk.#.attn_k_norm")];

    /// <param name="pairs">llama.cpp rotates neighbours in this architecture.</param>
    internal static GgufModule[] Attention(bool pairs = false, bool bias = false, bool? outputBias = null, string output = "o_proj") =>
    [
        new("model.layers.#.self_attn.q_proj", "blk.#.attn_q", pairs ? QueryPairs : AsPublished, bias),
        new("model.layers.#.self_attn.k_proj", "blk.#.attn_k", pairs ? KeyPairs : AsPublished, bias),
        new("model.layers.#.self_attn.v_proj", "blk.#.attn_v", Bias: bias),
        new($"model.layers.#.self_attn.{output}", "blk.#.attn_output", Bias: outputBias ?? bias),
    ];

    internal static GgufModule[] Gated(bool bias = false) =>
    [
        new("model.layers.#.mlp.gate_proj", "blk.#.ffn_gate", Bias: bias),
        new("model.layers.#.mlp.up_proj", "blk.#.ffn_up", Bias: bias),
        new("model.layers.#.mlp.down_proj", "blk.#.ffn_down", Bias: bias),
    ];

    private static void Experts(GgufMetadata metadata, ModelConfig config)
    {
        var count = config.Int("num_local_experts", 8, 1, 4096);
        metadata.Own("expert_count", (long)count);
        metadata.Own("expert_used_count", (long)config.Int("num_experts_per_tok", 2, 1, count));
    }

    private static void Multipliers(GgufMetadata metadata, ModelConfig config)
    {
        metadata.Own("attention.scale", config.Number("attention_multiplier", 1));
        metadata.Own("embedding_scale", config.Number("embedding_multiplier", 1));
        metadata.Own("residual_scale", config.Number("residual_multiplier", 1));
        metadata.Own("logit_scale", config.Number("logits_scaling", 1));
    }
}
