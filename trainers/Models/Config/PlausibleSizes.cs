namespace FineTuneGrid.Models.Config;

/// <summary>
/// The most that a config may say, far above any published model: what is derived from it, and how long that takes, stays bounded, and
/// no product of two sizes leaves 31 bits.
/// </summary>
internal static class PlausibleSizes
{
    internal static int Most(string field) => field switch
    {
        "num_hidden_layers" or "num_layers" or "n_layer" or "n_layers" => 1 << 12,
        "num_attention_heads" or "num_heads" or "n_head" or "n_heads" or "num_key_value_heads" or "num_kv_heads" or "num_local_experts" => 1 << 14,
        "hidden_size" or "n_embd" or "n_embed" or "d_model" or "word_embed_proj_dim" => 1 << 17,
        "intermediate_size" or "shared_intermediate_size" or "n_inner" or "ffn_dim" or "ffn_hidden_size" => 1 << 20,
        "vocab_size" => 1 << 24,
        "max_position_embeddings" or "n_positions" or "n_ctx" or "max_seq_len" or "seq_length" => 1 << 30,
        _ => int.MaxValue,
    };
}
