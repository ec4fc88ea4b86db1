namespace FineTuneGrid.Contracts.Models;

/// <summary>Python pickles run code when they are loaded. Nothing here loads them, and nobody who pulls a folder should.</summary>
public static class Pickles
{
    /// <summary>What to tell who brings one.</summary>
    public const string Refusal = "is a pickle, which can run code when it is opened; write the folder anew as safetensors: "
        + "AutoModelForCausalLM.from_pretrained(DIR).save_pretrained(NEW, safe_serialization=True), and the tokenizer with AutoTokenizer.from_pretrained(DIR).save_pretrained(NEW)";

    private static readonly string[] Extensions = [".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt"];

    public static bool Is(string path) => Extensions.Any(extension => path.EndsWith(extension, StringComparison.OrdinalIgnoreCase));
}
