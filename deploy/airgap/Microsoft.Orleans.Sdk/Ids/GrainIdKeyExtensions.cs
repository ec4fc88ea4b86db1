using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace Orleans.Runtime;

/// <summary>How integer and Guid keys are written: an integer in upper-case hexadecimal, a Guid as 32 hexadecimal digits.</summary>
public static class GrainIdKeyExtensions
{
    public static IdSpan CreateIntegerKey(long key) => IdSpan.Create(key.ToString("X", CultureInfo.InvariantCulture));

    public static IdSpan CreateIntegerKey(long key, string? keyExtension) =>
        IdSpan.Create(WithExtension(key.ToString("X", CultureInfo.InvariantCulture), keyExtension));

    public static IdSpan CreateGuidKey(Guid key) => IdSpan.Create(key.ToString("N"));

    public static IdSpan CreateGuidKey(Guid key, string? keyExtension) =>
        IdSpan.Create(WithExtension(key.ToString("N"), keyExtension));

    public static bool TryGetIntegerKey(this GrainId grainId, out long key, out string? keyExt)
    {
        var number = Split(grainId, out keyExt);
        return long.TryParse(number, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out key);
    }

    public static bool TryGetGuidKey(this GrainId grainId, out Guid key, out string? keyExt)
    {
        var guid = Split(grainId, out keyExt);
        return Guid.TryParseExact(guid, "N", out key);
    }

    public static long GetIntegerKey(this GrainId grainId) => grainId.GetIntegerKey(out _);

    public static long GetIntegerKey(this GrainId grainId, out string? keyExt)
    {
        if (!grainId.TryGetIntegerKey(out var key, out keyExt))
            ThrowInvalidKey(grainId, "an integer");
        return key;
    }

    public static Guid GetGuidKey(this GrainId grainId) => grainId.GetGuidKey(out _);

    public static Guid GetGuidKey(this GrainId grainId, out string? keyExt)
    {
        if (!grainId.TryGetGuidKey(out var key, out keyExt))
            ThrowInvalidKey(grainId, "a Guid");
        return key;
    }

    private static string WithExtension(string key, string? extension) =>
        string.IsNullOrEmpty(extension) ? key : $"{key}+{extension}";

    private static string Split(GrainId grainId, out string? extension)
    {
        var text = grainId.Key.ToString();
        var plus = text.IndexOf('+');
        extension = plus < 0 ? null : text[(plus + 1)..];
        return plus < 0 ? text : text[..plus];
    }

    [DoesNotReturn]
    private static void ThrowInvalidKey(GrainId grainId, string expected) =>
        throw new ArgumentException($"The key of grain {grainId} is not {expected}.", nameof(grainId));
}
