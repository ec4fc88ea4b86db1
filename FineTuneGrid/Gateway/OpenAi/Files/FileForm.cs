using System.Globalization;
using FineTuneGrid.Contracts;

namespace FineTuneGrid.Gateway.OpenAi.Files;

/// <summary>The plain fields of a file's form, which may come before the file or after it.</summary>
internal sealed class FileForm
{
    private const string Purpose = "purpose";
    private const string Anchor = "expires_after[anchor]";
    private const string Seconds = "expires_after[seconds]";
    private static readonly string[] Known = [Purpose, Anchor, Seconds];

    private readonly Dictionary<string, string> _fields = [];

    /// <exception cref="GridException">The field is unknown, came before, or has no possible value.</exception>
    public void Take(string name, string value)
    {
        if (!Known.Contains(name)) throw new GridException(ErrorCodes.UnknownField, $"{name} is not a known field{Spelling.Advice(name, [.. Known, "file"])}", name);
        if (!_fields.TryAdd(name, value)) throw Twice(name);
        if (name == Purpose) CheckPurpose(value);
    }

    /// <exception cref="GridException">Something is missing or does not fit together.</exception>
    public TimeSpan? Complete()
    {
        CheckPurpose(_fields.GetValueOrDefault(Purpose));
        if (_fields.Count == 1) return null;
        var seconds = _fields.GetValueOrDefault(Seconds);
        if (seconds is not null && !long.TryParse(seconds, NumberStyles.None, CultureInfo.InvariantCulture, out _))
            throw new GridException(ErrorCodes.InvalidValue, $"{Seconds} must be a whole number, not '{seconds}'.", Seconds);
        return new FileLifetime(_fields.GetValueOrDefault(Anchor), seconds is null ? null : long.Parse(seconds, CultureInfo.InvariantCulture)).Check();
    }

    /// <exception cref="GridException">Files come for fine-tuning alone.</exception>
    public static void CheckPurpose(string? purpose)
    {
        if (purpose is null) throw new GridException(ErrorCodes.MissingField, $"purpose is required: '{FilePurposes.FineTune}'.", Purpose);
        if (purpose != FilePurposes.FineTune) throw new GridException(ErrorCodes.InvalidValue, $"purpose must be '{FilePurposes.FineTune}', not '{purpose}': files serve fine-tuning here.", Purpose);
    }

    public static GridException Twice(string name) => new(ErrorCodes.InvalidRequest, $"{name} may be given once.", name);
}
