namespace FineTuneGrid.Grains.Planning;

/// <summary>
/// For which bases each server is known to take LoRA adapters, and for which it is known not to. A base in neither list is not
/// known: that is said instead of guessed.
/// </summary>
internal static class ServedBases
{
    /// <summary>vLLM's table of supported models, its LoRA column.</summary>
    private static readonly HashSet<string> VllmYes =
    [
        "cohere", "gemma", "gemma2", "gemma3_text", "gpt_bigcode", "granite", "granitemoe", "llama", "mistral", "mixtral", "olmo", "olmo2", "opt", "phi",
        "phi3", "qwen2", "qwen3", "starcoder2",
    ];

    private static readonly HashSet<string> VllmNo = ["bloom", "falcon", "gpt2", "gpt_neox", "gptj", "mpt", "stablelm"];

    /// <summary>Those whose layers TGI wraps for adapters since it has them (pull request 2010).</summary>
    private static readonly HashSet<string> TgiYes = ["llama", "mistral"];

    /// <summary>Those whose matrices llama.cpp's converter only renames, or permutes in a way that it can apply to B alone.</summary>
    private static readonly HashSet<string> LlamaCppYes =
    [
        "cohere", "gemma", "gemma2", "gemma3_text", "gpt_bigcode", "granite", "granitemoe", "llama", "mistral", "mixtral", "olmo", "olmo2", "phi", "phi3",
        "qwen2", "qwen3", "starcoder2",
    ];

    /// <summary>Those that the converter has no class for.</summary>
    private static readonly HashSet<string> LlamaCppNo = ["codegen", "gpt_neo", "gptj", "opt"];

    public static bool? Vllm(string modelType) => Of(modelType, VllmYes, VllmNo);

    public static bool? Tgi(string modelType) => Of(modelType, TgiYes, []);

    public static bool? LlamaCpp(string modelType) => Of(modelType, LlamaCppYes, LlamaCppNo);

    private static bool? Of(string modelType, HashSet<string> yes, HashSet<string> no) =>
        yes.Contains(modelType) ? true : no.Contains(modelType) ? false : null;
}
