using System.Globalization;
using System.Text;

namespace FineTuneGrid.Grains;

/// <summary>Names as parts of blob keys: letters, digits and dashes stay, every other byte becomes <c>_xx</c>.</summary>
public static class StorageKey
{
    public static string Encode(string name)
    {
        var text = new StringBuilder(name.Length);
        foreach (var b in Encoding.UTF8.GetBytes(name))
        {
            if (b < 128 && (char.IsAsciiLetterOrDigit((char)b) || b == '-'))
                text.Append((char)b);
            else
                text.Append('_').Append(b.ToString("x2", CultureInfo.InvariantCulture));
        }
        return text.ToString();
    }

    public static string Decode(string encoded)
    {
        var bytes = new List<byte>(encoded.Length);
        for (var i = 0; i < encoded.Length; i++)
        {
            if (encoded[i] == '_' && i + 2 <= encoded.Length - 1 && byte.TryParse(encoded.AsSpan(i + 1, 2), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var b))
                (_, i) = (Append(bytes, b), i + 2);
            else
                bytes.Add((byte)encoded[i]);
        }
        return Encoding.UTF8.GetString([.. bytes]);
    }

    private static int Append(List<byte> bytes, byte b)
    {
        bytes.Add(b);
        return bytes.Count;
    }
}
