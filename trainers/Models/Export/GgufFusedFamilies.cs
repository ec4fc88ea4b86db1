using FineTuneGrid.Models.Architectures;
using static FineTuneGrid.Models.Export.GgufForm;

namespace FineTuneGrid.Models.Export;

/// <summary>The families with one layer for queries, keys and values and a plain feed-forward part.</summary>
internal static class GgufFusedFamilies
{
    private const string LayerEpsilon = "attention.layer_norm_epsilon";

    public static GgufFamily Gpt2 { get; } = new("gpt2", Gpt("c_attn", Transposed))
    {
        Epsilon = (LayerEpsilon, c => c.Number("layer_norm_epsilon", 1e-5)),
        Activation = ("gelu", "activation_function", "gelu_new"),
        Refusal = a => a.Config.Flag("scale_attn_weights", true) && !a.Config.Flag("scale_attn_by_inverse_layer_idx", false) ? null
            : "llama.cpp scales the scores of every GPT-2 model by 1 / sqrt(head size)",
    };

    public static GgufFamily GptBigCode { get; } = Gpt2 with
    {
        Architecture = "starcoder",
        Modules = Gpt("c_attn", AsPublished),
        Activation = ("gelu", "activation_function", "gelu_pytorch_tanh"),
        Refusal = a => !a.Config.Flag("multi_query", true) ? "llama.cpp runs gpt_bigcode models with one key head only (multi_query)"
            : a.Config.Flag("scale_attn_weights", true) ? null : "llama.cpp scales the scores of every gpt_bigcode model by 1 / sqrt(head size)",
    };

    public static GgufFamily GptNeoX { get; } = new("gptneox",
    [
        new("gpt_neox.embed_in", "token_embd"), new("gpt_neox.final_layer_norm", "output_norm", Bias: true), new("embed_out", "output"),
        new("gpt_neox.layers.#.input_layernorm", "blk.#.attn_norm", Bias: true), new("gpt_neox.layers.#.post_attention_layernorm", "blk.#.ffn_norm", Bias: true),
        new("gpt_neox.layers.#.attention.query_key_value", "blk.#.attn_qkv", QueriesKeysValues, Bias: true),
        new("gpt_neox.layers.#.attention.dense", "blk.#.attn_output", Bias: true),
        .. Feed("gpt_neox.layers.#.mlp", "dense_h_to_4h", "dense_4h_to_h"),
    ])
    {
        Epsilon = (LayerEpsilon, c => c.Number("layer_norm_eps", 1e-5)),
        Activation = ("gelu", "hidden_act", "gelu"),
        NeedsHead = true,
        More = (m, a) => m.Own("use_parallel_residual", a.Config.Flag("use_parallel_residual", true)),
        Refusal = a => a.Config.Flag("attention_bias", true) ? null : "llama.cpp wants biases in the attention of GPT-NeoX models",
    };

    public static GgufFamily Bloom { get; } = new("bloom",
    [
        new("transformer.word_embeddings", "token_embd"), new("transformer.word_embeddings_layernorm", "token_embd_norm", Bias: true),
        new("transformer.ln_f", "output_norm", Bias: true), new("lm_head", "output"),
        new("transformer.h.#.input_layernorm", "blk.#.attn_norm", Bias: true), new("transformer.h.#.post_attention_layernorm", "blk.#.ffn_norm", Bias: true),
        new("transformer.h.#.self_attention.query_key_value", "blk.#.attn_qkv", QueriesKeysValues, Bias: true),
        new("transformer.h.#.self_attention.dense", "blk.#.attn_output", Bias: true),
        .. Feed("transformer.h.#.mlp", "dense_h_to_4h", "dense_4h_to_h"),
    ])
    {
        Epsilon = (LayerEpsilon, c => c.Number("layer_norm_epsilon", 1e-5)),
        Activation = ("gelu", "hidden_act", "gelu_pytorch_tanh"),
        Refusal = a => a.Config.Flag("apply_residual_connection_post_layernorm", false) ? "llama.cpp adds to the residual stream before the norms of BLOOM models" : null,
    };

    /// <summary>Where the two parts have norms of their own the attention's is the second in llama.cpp.</summary>
    public static GgufFamily Falcon { get; } = new("falcon",
    [
        new("transformer.word_embeddings", "token_embd"), new("transformer.ln_f", "output_norm", Bias: true), new("lm_head", "output"),
        new("transformer.h.#.input_layernorm", "blk.#.attn_norm", Bias: true), new("transformer.h.#.ln_mlp", "blk.#.attn_norm", Bias: true),
        new("transformer.h.#.ln_attn", "blk.#.attn_norm_2", Bias: true),
        new("transformer.h.#.self_attention.query_key_value", "blk.#.attn_qkv", QueriesKeysValues),
        new("transformer.h.#.self_attention.dense", "blk.#.attn_output"),
        .. Feed("transformer.h.#.mlp", "dense_h_to_4h", "dense_4h_to_h", bias: false),
    ])
    {
        Epsilon = (LayerEpsilon, c => c.Number("layer_norm_epsilon", 1e-5)),
        Activation = ("gelu", "activation", "gelu"),
        Refusal = a => a.Config.Flag("alibi", false) ? "llama.cpp has no ALiBi for Falcon models (alibi)"
            : a.Config.Flag("parallel_attn", true) ? null : "llama.cpp runs the parts of Falcon models in parallel (parallel_attn)",
    };

    public static GgufFamily Mpt { get; } = new("mpt",
    [
        new("transformer.wte", "token_embd"), new("transformer.norm_f", "output_norm"), new("lm_head", "output"),
        new("transformer.blocks.#.norm_1", "blk.#.attn_norm"), new("transformer.blocks.#.norm_2", "blk.#.ffn_norm"),
        new("transformer.blocks.#.attn.Wqkv", "blk.#.attn_qkv"), new("transformer.blocks.#.attn.out_proj", "blk.#.attn_output"),
        .. Feed("transformer.blocks.#.ffn", "up_proj", "down_proj", bias: false),
    ])
    {
        Epsilon = (LayerEpsilon, c => c.Number("layer_norm_epsilon", 1e-5)),
        Activation = ("gelu", "activation", "gelu"),
        More = (m, a) =>
        {
            m.Own("attention.max_alibi_bias", 8.0);
            if (a.Config.Object("attn_config")?.NumberOrNull("clip_qkv") is > 0 and var limit)
                m.Own("attention.clamp_kqv", limit);
        },
        Refusal = a => !int.IsPow2(a.HeadCount) ? $"llama.cpp has other ALiBi slopes for MPT models whose number of heads ({a.HeadCount}) is no power of two"
            : a.Config.Object("attn_config")?.NumberOrNull("softmax_scale") is null ? null : "llama.cpp scales the scores of every MPT model by 1 / sqrt(head size)",
    };

    private static GgufModule[] Gpt(string project, GgufForm form) =>
    [
        new("transformer.wte", "token_embd"), new("transformer.wpe", "position_embd"), new("transformer.ln_f", "output_norm", Bias: true), new("lm_head", "output"),
        new("transformer.h.#.ln_1", "blk.#.attn_norm", Bias: true), new("transformer.h.#.ln_2", "blk.#.ffn_norm", Bias: true),
        new($"transformer.h.#.attn.{project}", "blk.#.attn_qkv", form, Bias: true), new("transformer.h.#.attn.c_proj", "blk.#.attn_output", form, Bias: true),
        .. Feed("transformer.h.#.mlp", "c_fc", "c_proj", form: form),
    ];

    private static GgufModule[] Feed(string at, string up, string down, bool bias = true, GgufForm form = AsPublished) =>
        [new($"{at}.{up}", "blk.#.ffn_up", form, bias), new($"{at}.{down}", "blk.#.ffn_down", form, bias)];
}
