namespace FineTuneGrid.Contracts.Models;

/// <summary>What a layer's path says of it to those who do not know architectures. Their own tests hold this to them.</summary>
public static class ModelTypes
{
    /// <summary>Every token sees all others: the model predicts no next one, and can only classify.</summary>
    public static bool IsEncoder(string modelType) => modelType == "bert";

    /// <summary>The published class that classifies sequences with such a model; null where there is none.</summary>
    public static string? ClassifierClass(string modelType) => Classifiers.GetValueOrDefault(modelType) is { } name ? name + "ForSequenceClassification" : null;

    /// <summary>The module of that class which scores the classes.</summary>
    public static string ClassifierHead(string modelType) => IsEncoder(modelType) ? "classifier" : "score";

    private static readonly Dictionary<string, string> Classifiers = new(StringComparer.Ordinal)
    {
        ["bert"] = "Bert", ["bloom"] = "Bloom", ["falcon"] = "Falcon", ["gemma"] = "Gemma", ["gemma2"] = "Gemma2", ["gemma3_text"] = "Gemma3Text", ["gpt2"] = "GPT2",
        ["gpt_bigcode"] = "GPTBigCode", ["gpt_neo"] = "GPTNeo", ["gpt_neox"] = "GPTNeoX", ["gptj"] = "GPTJ", ["llama"] = "Llama", ["mistral"] = "Mistral",
        ["mixtral"] = "Mixtral", ["mpt"] = "Mpt", ["opt"] = "OPT", ["phi"] = "Phi", ["phi3"] = "Phi3", ["qwen2"] = "Qwen2", ["qwen3"] = "Qwen3",
        ["stablelm"] = "StableLm", ["starcoder2"] = "Starcoder2",
    };

    /// <summary>The layer chooses experts: it has so few outputs that an adapter's rank may exceed them.</summary>
    public static bool IsRouter(string modulePath) =>
        modulePath.EndsWith(".block_sparse_moe.gate", StringComparison.Ordinal) || modulePath.EndsWith(".router.layer", StringComparison.Ordinal);
}
