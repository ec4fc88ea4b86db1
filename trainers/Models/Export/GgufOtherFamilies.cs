using static FineTuneGrid.Models.Export.GgufLlamaFamilies;

namespace FineTuneGrid.Models.Export;

/// <summary>Phi, StableLM, StarCoder2 and Command R: Llama's names for most modules, their own for the rest.</summary>
internal static class GgufOtherFamilies
{
    private const string LayerEpsilon = "attention.layer_norm_epsilon";

    /// <summary>One norm serves both parts.</summary>
    public static GgufFamily Phi { get; } = new("phi2",
    [
        new("model.embed_tokens", "token_embd"), new("model.final_layernorm", "output_norm", Bias: true), new("lm_head", "output", Bias: true),
        new("model.layers.#.input_layernorm", "blk.#.attn_norm", Bias: true), .. Attention(bias: true, output: "dense"),
        new("model.layers.#.mlp.fc1", "blk.#.ffn_up", Bias: true), new("model.layers.#.mlp.fc2", "blk.#.ffn_down", Bias: true),
    ])
    {
        Epsilon = (LayerEpsilon, c => c.Number("layer_norm_eps", 1e-5)),
        Activation = ("gelu", "hidden_act", "gelu_new"),
        NeedsHead = true,
    };

    public static GgufFamily Phi3 { get; } = new("phi3",
    [
        .. Outside, .. Norms,
        new("model.layers.#.self_attn.qkv_proj", "blk.#.attn_qkv"), new("model.layers.#.self_attn.o_proj", "blk.#.attn_output"),
        new("model.layers.#.mlp.gate_up_proj", "blk.#.ffn_up"), new("model.layers.#.mlp.down_proj", "blk.#.ffn_down"),
    ])
    {
        Epsilon = (RmsEpsilon, c => c.Number("rms_norm_eps", 1e-5)),
        Activation = ("silu", "hidden_act", "silu"),
        NeedsHead = true,
        Window = c => c.IntOrNull("sliding_window"),
    };

    public static GgufFamily StableLm { get; } = new("stablelm",
    [
        .. Outside, .. Norms, .. Attention(bias: true, outputBias: false), .. Gated(),
        new("model.layers.#.self_attn.q_layernorm.norms.%", "blk.#.attn_q_norm"), new("model.layers.#.self_attn.k_layernorm.norms.%", "blk.#.attn_k_norm"),
    ])
    {
        Epsilon = (LayerEpsilon, c => c.Number("layer_norm_eps", 1e-5)),
        Activation = ("silu", "hidden_act", "silu"),
        NeedsHead = true,
        More = (m, a) => m.Own("use_parallel_residual", a.Config.Flag("use_parallel_residual", false)),
    };

    public static GgufFamily Starcoder2 { get; } = new("starcoder2",
    [
        .. Outside, .. Norms, .. Attention(bias: true),
        new("model.layers.#.mlp.c_fc", "blk.#.ffn_up", Bias: true), new("model.layers.#.mlp.c_proj", "blk.#.ffn_down", Bias: true),
    ])
    {
        Epsilon = (LayerEpsilon, c => c.Number("norm_epsilon", 1e-5)),
        Activation = ("gelu", "hidden_act", "gelu_pytorch_tanh"),
        Window = c => c.IntOrNull("sliding_window"),
        Refusal = a => a.Config.Flag("use_bias", true) ? null : "llama.cpp wants biases in StarCoder2 models (use_bias)",
    };

    public static GgufFamily Cohere { get; } = new("command-r",
    [
        new("model.embed_tokens", "token_embd"), new("model.norm", "output_norm"), new("model.layers.#.input_layernorm", "blk.#.attn_norm"),
        .. Attention(), .. HeadNorms, .. Gated(),
    ])
    {
        Epsilon = (LayerEpsilon, c => c.Number("layer_norm_eps", 1e-5)),
        Activation = ("silu", "hidden_act", "silu"),
        More = (m, a) => m.Own("logit_scale", a.Config.Number("logit_scale", 0.0625)),
        // Which of the two lines a model belongs to is told by its depth there.
        Refusal = a => a.Config.Flag("use_qk_norm", false) == a.LayerCount >= 64 ? null
            : "llama.cpp norms the heads of Command R models (use_qk_norm) of 64 layers and more, and no others",
    };
}
