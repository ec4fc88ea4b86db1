using FineTuneGrid.TrainerSupport;

namespace FineTuneGrid.Bench.Memory;

/// <summary>Families that are built unlike each other, lengths of examples, sizes of micro-batches, methods.</summary>
internal static class MemoryCases
{
    private const string Llama = """{"model_type": "llama", "hidden_size": 384, "intermediate_size": 1024, "num_hidden_layers": 12, "num_attention_heads": 6, "num_key_value_heads": 2, "vocab_size": 8192, "max_position_embeddings": 4096, "tie_word_embeddings": true}""";
    private const string Gpt2 = """{"model_type": "gpt2", "n_embd": 384, "n_layer": 10, "n_head": 6, "n_positions": 2048, "vocab_size": 8192}""";
    private const string Falcon = """{"model_type": "falcon", "hidden_size": 384, "num_hidden_layers": 10, "num_attention_heads": 6, "vocab_size": 8192, "multi_query": true, "parallel_attn": true}""";
    private const string Bloom = """{"model_type": "bloom", "hidden_size": 384, "n_layer": 10, "n_head": 6, "vocab_size": 8192}""";
    private const string Gemma2 = """{"model_type": "gemma2", "hidden_size": 320, "intermediate_size": 1024, "num_hidden_layers": 10, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 80, "vocab_size": 8192, "sliding_window": 256, "query_pre_attn_scalar": 80}""";
    private const string Qwen3 = """{"model_type": "qwen3", "hidden_size": 384, "intermediate_size": 1024, "num_hidden_layers": 10, "num_attention_heads": 6, "num_key_value_heads": 2, "head_dim": 64, "vocab_size": 8192, "tie_word_embeddings": true}""";
    private const string Mixtral = """{"model_type": "mixtral", "hidden_size": 256, "intermediate_size": 512, "num_hidden_layers": 8, "num_attention_heads": 4, "num_key_value_heads": 2, "num_local_experts": 4, "num_experts_per_tok": 2, "vocab_size": 8192}""";
    private const string GptNeoX = """{"model_type": "gpt_neox", "hidden_size": 384, "intermediate_size": 1536, "num_hidden_layers": 10, "num_attention_heads": 6, "vocab_size": 8192, "rotary_pct": 0.25, "max_position_embeddings": 2048}""";
    private const string Opt = """{"model_type": "opt", "hidden_size": 384, "ffn_dim": 1536, "num_hidden_layers": 10, "num_attention_heads": 6, "vocab_size": 8192, "max_position_embeddings": 2048, "word_embed_proj_dim": 384}""";

    private const string Lora = """{"rank": 16, "alpha": 32}""";
    private const string Narrow = """{"rank": 16, "alpha": 32, "target_modules": ["q_proj", "v_proj"]}""";
    private const string Dropout = """{"rank": 16, "alpha": 32, "dropout": 0.1}""";
    private const string Dora = """{"rank": 16, "alpha": 32, "dora": true}""";
    private const string Nf4 = """{"rank": 16, "alpha": 32, "quantization": "nf4"}""";
    private const string Full = """{"type": "full"}""";

    public static IReadOnlyList<MemoryCase> All { get; } =
    [
        new("llama lora 1024x128", Llama, Lora, 1024, 128),
        new("llama lora 1024x1024", Llama, Lora, 1024, 1024),
        new("llama lora 256x256", Llama, Lora, 256, 256),
        new("llama lora 2048x256", Llama, Lora, 2048, 256),
        new("llama lora bf16 1024x512", Llama, Lora, 1024, 512, Precision: "bf16"),
        new("llama lora of q and v 1024x256", Llama, Narrow, 1024, 256),
        new("llama dropout 1024x256", Llama, Dropout, 1024, 256),
        new("llama dora 1024x256", Llama, Dora, 1024, 256),
        new("llama nf4 2048x256", Llama, Nf4, 2048, 256),
        new("llama full 1024x256", Llama, Full, 1024, 256),
        new("llama dpo 1024x256", Llama, Lora, 1024, 256, Preferences: true),
        new("gpt2 lora 1024x256", Gpt2, Lora, 1024, 256),
        new("gpt2 full 512x512", Gpt2, Full, 512, 512),
        new("falcon lora 1024x256", Falcon, Lora, 1024, 256),
        new("bloom lora 1024x512", Bloom, Lora, 1024, 512),
        new("gemma2 lora 1024x512", Gemma2, Lora, 1024, 512),
        new("qwen3 dora 1024x256", Qwen3, Dora, 1024, 256),
        new("mixtral lora 1024x256", Mixtral, Lora, 1024, 256),
        new("gpt_neox lora 1024x512", GptNeoX, Lora, 1024, 512),
        new("opt full 1024x128", Opt, Full, 1024, 128),
    ];
}
