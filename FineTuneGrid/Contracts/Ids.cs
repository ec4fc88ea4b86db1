using System.Buffers.Binary;
using System.Security.Cryptography;

namespace FineTuneGrid.Contracts;

/// <summary>
/// Server-made identifiers: a kind, a dash and 26 characters (48 bits of milliseconds, 80 random bits, Crockford base 32 in
/// lower case), so that ids of one kind sort by creation time.
/// </summary>
public static class Ids
{
    public const string Job = "job";
    public const string Model = "model";
    public const string Dataset = "dataset";
    public const string Adapter = "adapter";
    public const string Session = "session";
    public const string Task = "task";
    public const string Key = "key";
    public const string Operation = "op";

    private const string Alphabet = "0123456789abcdefghjkmnpqrstvwxyz";

    public static string New(string kind, DateTimeOffset now)
    {
        Span<byte> bytes = stackalloc byte[16];
        BinaryPrimitives.WriteUInt64BigEndian(bytes, (ulong)now.ToUnixTimeMilliseconds() << 16);
        RandomNumberGenerator.Fill(bytes[6..]);
        var value = BinaryPrimitives.ReadUInt128BigEndian(bytes);
        return string.Create(kind.Length + 27, (kind, value), static (span, arg) =>
        {
            arg.kind.CopyTo(span);
            span[arg.kind.Length] = '-';
            var rest = arg.value;
            for (var i = span.Length - 1; i > arg.kind.Length; i--, rest >>= 5)
                span[i] = Alphabet[(int)(rest & 31)];
        });
    }

    public static bool IsId(string text, string kind) =>
        text.Length == kind.Length + 27 && text.StartsWith(kind, StringComparison.Ordinal) && text[kind.Length] == '-'
        && text.AsSpan(kind.Length + 1).IndexOfAnyExcept(Alphabet) < 0;
}
