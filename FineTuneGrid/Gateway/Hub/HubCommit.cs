using System.Text;
using System.Text.Json;
using FineTuneGrid.Contracts;
using FineTuneGrid.Gateway.Assets;

namespace FineTuneGrid.Gateway.Hub;

/// <summary>One change of a commit. Exactly one of <paramref name="Content"/>, <paramref name="Sha256"/> is set; neither for a deletion.</summary>
/// <param name="Path">A file, or for a deletion ending with a slash a folder.</param>
/// <param name="Content">The bytes of a small file.</param>
/// <param name="Sha256">The name of an object that was uploaded before.</param>
public sealed record HubChange(string Path, byte[]? Content = null, string? Sha256 = null, long Size = 0);

/// <summary>A commit as Hub clients send it: one JSON object per line, the first of them a header.</summary>
/// <param name="Parent">The commit that it was made on, where the client says so.</param>
public sealed record HubCommit(string? Parent, IReadOnlyList<HubChange> Changes)
{
    private const int MaxChanges = 10_000;
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web) { MaxDepth = 16 };

    private sealed record Line(string? Key, JsonElement Value);

    private sealed record Header(string? ParentCommit);

    private sealed record Change(string? Path, string? Content, string? Encoding, string? Algo, string? Oid, long Size, string? OldPath);

    /// <exception cref="GridException"><c>invalid_json</c>, <c>invalid_value</c> or <c>invalid_request</c>, naming the line.</exception>
    public static HubCommit Parse(ReadOnlySpan<byte> body)
    {
        string? parent = null;
        var changes = new List<HubChange>();
        var number = 0;
        foreach (var range in body.Split((byte)'\n'))
        {
            number++;
            var text = body[range].Trim(" \r\t"u8);
            if (text.IsEmpty) continue;
            var line = ParseLine(text, number);
            if (line.Key == "header") parent = line.Value.Deserialize<Header>(Json)?.ParentCommit;
            else changes.Add(ChangeOf(line, number));
            if (changes.Count > MaxChanges) throw new GridException(ErrorCodes.TooLarge, $"A commit may have at most {MaxChanges} changes.");
        }
        return changes.Count > 0 ? new HubCommit(parent, changes) : throw new GridException(ErrorCodes.InvalidRequest, "The commit changes nothing.");
    }

    private static Line ParseLine(ReadOnlySpan<byte> text, int number)
    {
        try
        {
            if (JsonSerializer.Deserialize<Line>(text, Json) is { Key: not null, Value.ValueKind: JsonValueKind.Object } line) return line;
        }
        catch (JsonException e)
        {
            throw new GridException(ErrorCodes.InvalidJson, $"Line {number} of the commit is not valid JSON: {e.Message}", $"line {number}", e);
        }
        throw Bad(number, "must be an object with key and value");
    }

    private static HubChange ChangeOf(Line line, int number)
    {
        var change = line.Value.Deserialize<Change>(Json)!;
        if (string.IsNullOrEmpty(change.Path)) throw Bad(number, "names no path");
        if (change.OldPath is not null) throw Bad(number, "renames a file, which is not supported; send the file again");
        switch (line.Key)
        {
            case "deletedFile":
                return new HubChange(change.Path.TrimEnd('/'));
            case "deletedFolder":
                return new HubChange(change.Path.TrimEnd('/') + "/");
            case "file":
                FileUpload.CheckPath(change.Path);
                return new HubChange(change.Path, Content: ContentOf(change, number));
            case "lfsFile":
                FileUpload.CheckPath(change.Path);
                if (change.Algo is not (null or "sha256") || !IsDigest(change.Oid)) throw Bad(number, "must name its object by algo 'sha256' and 64 lower-case hexadecimal digits");
                return new HubChange(change.Path, Sha256: change.Oid, Size: change.Size);
            default:
                throw Bad(number, $"has the key '{line.Key}'; known are header, file, lfsFile, deletedFile and deletedFolder");
        }
    }

    public static bool IsDigest(string? text) => text is { Length: 64 } && text.All(c => char.IsAsciiHexDigitLower(c) || char.IsAsciiDigit(c));

    private static byte[] ContentOf(Change change, int number)
    {
        if (change.Content is null) throw Bad(number, "has no content");
        if (change.Encoding is null or "utf-8") return Encoding.UTF8.GetBytes(change.Content);
        var bytes = new byte[change.Content.Length];
        return change.Encoding == "base64" && Convert.TryFromBase64String(change.Content, bytes, out var length) ? bytes[..length]
            : throw Bad(number, "must have its content in utf-8 or base64");
    }

    private static GridException Bad(int number, string what) => new(ErrorCodes.InvalidValue, $"Line {number} of the commit {what}.", $"line {number}");
}
