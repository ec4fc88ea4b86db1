using System.Globalization;
using System.Text;

namespace FineTuneGrid.Chaos;

/// <summary>The head of a request on its way to the blob storage.</summary>
/// <param name="Path">Without the account and the query, unescaped: <c>/container/key</c>.</param>
/// <param name="Signed">It carries a shared access signature: a trainer's. Silos and agents sign with the account's key.</param>
/// <param name="Length">Of the body.</param>
internal sealed record StoreRequest(string Method, string Path, bool Signed, int Length)
{
    public bool IsPut => Method == "PUT";

    /// <exception cref="InvalidDataException">No request of HTTP/1.1 with a known length.</exception>
    public static StoreRequest Parse(ReadOnlySpan<byte> head)
    {
        var lines = Encoding.Latin1.GetString(head).Split("\r\n");
        if (lines[0].Split(' ') is not [var method, var target, "HTTP/1.1"]) throw new InvalidDataException($"'{lines[0]}' is no request line");
        var length = 0;
        foreach (var line in lines.Skip(1))
        {
            if (line.StartsWith("Transfer-Encoding:", StringComparison.OrdinalIgnoreCase)) throw new InvalidDataException("a body of unknown length");
            if (line.StartsWith("Content-Length:", StringComparison.OrdinalIgnoreCase)) length = int.Parse(line.AsSpan(line.IndexOf(':') + 1), NumberStyles.AllowLeadingWhite, CultureInfo.InvariantCulture);
        }
        var query = target.IndexOf('?');
        var path = Uri.UnescapeDataString(query < 0 ? target : target[..query]);
        var account = path.IndexOf('/', 1);
        return new StoreRequest(method, account < 0 ? path : path[account..], query >= 0 && target.AsSpan(query).Contains("sig=", StringComparison.Ordinal), length);
    }
}
