using System.Text;
using FineTuneGrid.Contracts;

namespace FineTuneGrid.Storage;

/// <summary>Messages about safetensors files; what they quote from a file is cut and cleaned first.</summary>
internal static class SafetensorsFault
{
    private const int MaxQuoted = 100;

    public static GridException Of(string file, string what, string? tensor = null, Exception? inner = null) =>
        new(ErrorCodes.InvalidSafetensors, tensor is null ? $"The file '{file}' {what}." : $"In the file '{file}' the tensor {Quote(tensor)} {what}.", file, inner);

    public static string Quote(string text)
    {
        var quoted = new StringBuilder("'");
        foreach (var rune in text.EnumerateRunes().Take(MaxQuoted))
            quoted.Append(Rune.IsControl(rune) ? $"\\u{rune.Value:x4}" : rune.ToString());
        return quoted.Append(text.Length > MaxQuoted ? "...'" : "'").ToString();
    }
}
