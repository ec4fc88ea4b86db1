using System.Text;

namespace FineTuneGrid.Text.Tokenization;

/// <summary>
/// The byte-level alphabet of GPT-2: every byte as one printable character. Bytes that are printable in Latin-1 stand for
/// themselves, the other 68 are U+0100 onward in order.
/// </summary>
internal static class ByteAlphabet
{
    private static readonly char[] Chars = Build();
    private static readonly Dictionary<char, byte> Bytes = Chars.Select((c, i) => (c, i)).ToDictionary(p => p.c, p => (byte)p.i);

    public static char CharOf(byte value) => Chars[value];

    /// <summary>Appends the bytes that a token stands for; a token with a foreign character stands for its own UTF-8.</summary>
    public static void AppendBytes(string token, List<byte> into)
    {
        var mark = into.Count;
        foreach (var unit in token)
        {
            if (Bytes.TryGetValue(unit, out var value))
            {
                into.Add(value);
                continue;
            }
            into.RemoveRange(mark, into.Count - mark);
            into.AddRange(Encoding.UTF8.GetBytes(token));
            return;
        }
    }

    private static char[] Build()
    {
        var chars = new char[256];
        var next = 256;
        for (var value = 0; value < 256; value++)
        {
            var printable = value is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or (>= 0xAE and <= 0xFF);
            chars[value] = (char)(printable ? value : next++);
        }
        return chars;
    }
}
