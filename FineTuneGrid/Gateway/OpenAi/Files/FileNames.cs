using System.Globalization;
using System.Text;
using FineTuneGrid.Contracts;

namespace FineTuneGrid.Gateway.OpenAi.Files;

/// <summary>
/// Names that senders give their files. They are shown and downloaded, never used as paths here; what would mislead a reader or
/// harm whoever saves the file under its name is refused.
/// </summary>
public static class FileNames
{
    private const int MaxLength = 255;

    private static readonly string[] Extensions = [".jsonl", ".ndjson", ".json", ".parquet"];

    /// <summary>Device names of Windows, where a file of that name cannot be saved.</summary>
    private static readonly string[] Reserved =
    [
        "CON", "PRN", "AUX", "NUL", .. Enumerable.Range(1, 9).Select(n => $"COM{n}"), .. Enumerable.Range(1, 9).Select(n => $"LPT{n}"),
    ];

    /// <param name="field">The input that holds it.</param>
    /// <exception cref="GridException"><c>invalid_value</c></exception>
    public static string Check(string? name, string field)
    {
        if (string.IsNullOrEmpty(name)) throw new GridException(ErrorCodes.MissingField, $"{field} needs a file name, such as train.jsonl.", field);
        if (name.Length > MaxLength) throw Refuse(field, $"may have at most {MaxLength} characters, not {name.Length}");
        CheckText(name, field);
        // Whoever decodes the name once more must not find a path in it.
        if (name.Contains('%')) CheckText(Uri.UnescapeDataString(name), field);
        if (name[0] == ' ' || name[^1] is ' ' or '.') throw Refuse(field, "may not begin with a space, nor end with a space or a dot");
        if (Reserved.Contains(name.Split('.')[0].TrimEnd(), StringComparer.OrdinalIgnoreCase)) throw Refuse(field, $"may not be the reserved word {name.Split('.')[0]}");
        return name;
    }

    /// <summary>Where training data of that name goes in its data set.</summary>
    public static string PathOf(string name, string field)
    {
        var extension = Path.GetExtension(name).ToLowerInvariant();
        return Extensions.Contains(extension) ? "data" + extension
            : throw new GridException(ErrorCodes.InvalidValue, $"{field}: a file for fine-tuning must be JSON lines and be named like train.jsonl (or .parquet), not with the ending '{extension}'.", field);
    }

    private static void CheckText(string text, string field)
    {
        foreach (var rune in text.EnumerateRunes())
        {
            if (rune.Value is '/' or '\\' or ':') throw Refuse(field, $"may not hold '{rune}'; send the name alone, without its folder");
            // Format characters turn the reading direction or do not show at all.
            if (Rune.GetUnicodeCategory(rune) is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned
                or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator || rune == Rune.ReplacementChar)
                throw Refuse(field, $"may not hold the character U+{rune.Value:X4}");
        }
        if (text.StartsWith("..", StringComparison.Ordinal)) throw Refuse(field, "may not begin with two dots");
    }

    private static GridException Refuse(string field, string what) => new(ErrorCodes.InvalidValue, $"{field}: the file's name {what}.", field);
}
