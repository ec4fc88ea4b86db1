using System.Buffers;
using System.Diagnostics.CodeAnalysis;

namespace FineTuneGrid.Storage;

/// <summary>
/// The rule for keys: segments of <c>[A-Za-z0-9._-]</c> joined by <c>/</c>; no empty segment, none that begins with two dots
/// or ends with one; a segment at most 200 characters, a key at most 800. The same on every backend and file system.
/// </summary>
public static class BlobKey
{
    public const int MaxLength = 800;
    public const int MaxSegmentLength = 200;

    private static readonly SearchValues<char> Allowed =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");

    public static bool IsValid([NotNullWhen(true)] string? key) => Fault(key) is null;

    /// <exception cref="ArgumentException">The key breaks the rule. A fault of the caller, not of a user: users do not name keys.</exception>
    public static void Validate(string? key)
    {
        if (Fault(key) is { } fault)
            throw new ArgumentException($"The storage key '{key}' {fault}.", nameof(key));
    }

    /// <summary>A prefix is a key that may stop anywhere: empty, within a segment, or after a slash.</summary>
    public static void ValidatePrefix(string? prefix)
    {
        if (prefix is null)
            throw new ArgumentNullException(nameof(prefix));
        if (prefix.Length == 0)
            return;
        var whole = prefix.EndsWith('/') ? prefix + "x" : prefix.EndsWith('.') ? prefix + "x" : prefix;
        if (Fault(whole) is { } fault)
            throw new ArgumentException($"The storage prefix '{prefix}' {fault}.", nameof(prefix));
    }

    private static string? Fault(string? key)
    {
        if (string.IsNullOrEmpty(key))
            return "is empty";
        if (key.Length > MaxLength)
            return $"is longer than {MaxLength} characters";
        foreach (var range in key.AsSpan().Split('/'))
        {
            var segment = key.AsSpan(range);
            if (segment.IsEmpty)
                return "has an empty segment";
            if (segment.Length > MaxSegmentLength)
                return $"has a segment longer than {MaxSegmentLength} characters";
            if (segment.ContainsAnyExcept(Allowed))
                return "holds a character other than A-Z a-z 0-9 . _ - /";
            if (segment[^1] == '.' || segment.StartsWith(".."))
                return "has a segment that ends with a dot or begins with two";
        }
        return null;
    }
}
