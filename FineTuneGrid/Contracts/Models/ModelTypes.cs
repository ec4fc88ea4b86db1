namespace FineTuneGrid.Contracts.Models;

/// <summary>
/// What is known of a <c>model_type</c> without its architecture, for those who look at a folder's names and shapes alone. The
/// architectures' own tests hold this to them.
/// </summary>
public static class ModelTypes
{
    /// <summary>In alphabetical order.</summary>
    public static IReadOnlyList<string> Known { get; } =
    [
        "bloom", "codegen", "cohere", "falcon", "gemma", "gemma2", "gemma3_text", "gpt2", "gpt_bigcode", "gpt_neo", "gpt_neox", "gptj", "granite",
        "granitemoe", "llama", "mistral", "mixtral", "mpt", "olmo", "olmo2", "opt", "phi", "phi3", "qwen2", "qwen3", "stablelm", "starcoder2",
    ];

    /// <summary>The matrices of linear layers are stored [in, out].</summary>
    public static bool StoresTransposed(string modelType) => modelType == "gpt2";

    /// <summary>What folders of the bare model leave out of the names.</summary>
    public static string BasePrefix(string modelType) => modelType switch
    {
        "bloom" or "codegen" or "falcon" or "gpt2" or "gpt_bigcode" or "gpt_neo" or "gptj" or "mpt" => "transformer.",
        "gpt_neox" => "gpt_neox.",
        _ => "model.",
    };

    /// <summary>The layer chooses experts: it has so few outputs that an adapter's rank may exceed them.</summary>
    public static bool IsRouter(string modulePath) =>
        modulePath.EndsWith(".block_sparse_moe.gate", StringComparison.Ordinal) || modulePath.EndsWith(".router.layer", StringComparison.Ordinal);
}
