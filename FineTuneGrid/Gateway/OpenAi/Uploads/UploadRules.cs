using FineTuneGrid.Contracts;
using FineTuneGrid.Gateway.OpenAi.Files;

namespace FineTuneGrid.Gateway.OpenAi.Uploads;

/// <summary>OpenAI's request for an upload.</summary>
public sealed record UploadRequest(string? Filename = null, string? Purpose = null, long? Bytes = null, string? MimeType = null, FileLifetime? ExpiresAfter = null);

/// <summary>What uploads may be, and when, as functions of what is known.</summary>
public static class UploadRules
{
    public const long MaxPartBytes = 64L << 20;
    public const int MaxParts = 10_000;

    private const int Md5Digits = 32;

    public static readonly TimeSpan Open = TimeSpan.FromHours(1);

    /// <exception cref="GridException">The field at fault and what it must be.</exception>
    public static UploadRecord Create(UploadRequest request, string organisation, string id, string fileId, long mostBytes, DateTimeOffset now)
    {
        FileForm.CheckPurpose(request.Purpose);
        FileNames.PathOf(FileNames.Check(request.Filename, "filename"), "filename");
        if (string.IsNullOrEmpty(request.MimeType)) throw new GridException(ErrorCodes.MissingField, "mime_type is required, such as 'application/jsonl' or 'text/jsonl'.", "mime_type");
        if (request.Bytes is not { } bytes) throw new GridException(ErrorCodes.MissingField, "bytes is required: the length of the whole file.", "bytes");
        if (bytes < 1) throw new GridException(ErrorCodes.InvalidValue, $"bytes must be at least 1, not {bytes}.", "bytes");
        if (bytes > mostBytes) throw new GridException(ErrorCodes.TooLarge, $"bytes may be at most {mostBytes}, not {bytes}.", "bytes");
        return new UploadRecord(id, organisation, fileId, bytes, request.Filename!, request.Purpose!, now, now + Open, request.ExpiresAfter?.Check(), UploadStatus.Pending);
    }

    /// <summary>Whether it may still be written to.</summary>
    /// <exception cref="GridException"><c>invalid_request</c>: its time is over, it was completed or cancelled.</exception>
    public static void RequireOpen(UploadRecord upload, DateTimeOffset now)
    {
        if (upload.Status != UploadStatus.Pending) throw NotPending(upload, upload.Status.ToString().ToLowerInvariant());
        if (upload.ExpiresAt <= now) throw NotPending(upload, "expired");
    }

    public static string StatusOf(UploadRecord upload, DateTimeOffset now) =>
        upload.Status == UploadStatus.Pending && upload.ExpiresAt <= now ? "expired" : upload.Status.ToString().ToLowerInvariant();

    /// <summary>A sender repeats parts whose answer was lost, but not without end.</summary>
    public static void RequireRoom(UploadRecord upload, int parts, long received)
    {
        if (parts >= MaxParts) throw new GridException(ErrorCodes.TooLarge, $"An upload may have at most {MaxParts} parts.", "data");
        if (received > upload.Bytes + upload.Bytes) throw new GridException(ErrorCodes.TooLarge, $"{received} bytes came for an upload of {upload.Bytes}; complete it or begin another.", "data");
    }

    /// <summary>The parts in the order in which the file has them.</summary>
    /// <param name="lengths">Lengths of the parts that are there, by their ids.</param>
    public static void CheckParts(UploadRecord upload, IReadOnlyList<string>? ids, IReadOnlyDictionary<string, long> lengths)
    {
        if (ids is not { Count: > 0 and <= MaxParts }) throw new GridException(ErrorCodes.MissingField, $"part_ids is required: 1 to {MaxParts} ids of parts, in order.", "part_ids");
        if (ids.FirstOrDefault(id => !lengths.ContainsKey(id)) is { } unknown) throw new GridException(ErrorCodes.InvalidValue, $"part_ids: there is no part '{unknown}'.", "part_ids");
        if (ids.Distinct().Count() != ids.Count) throw new GridException(ErrorCodes.InvalidValue, "part_ids may name each part once.", "part_ids");
        var sum = ids.Sum(id => lengths[id]);
        if (sum != upload.Bytes) throw new GridException(ErrorCodes.InvalidValue, $"The parts have {sum} bytes together, not the {upload.Bytes} that were announced.", "part_ids");
    }

    public static string? CheckMd5(string? md5) => md5 is null || (md5.Length == Md5Digits && md5.All(char.IsAsciiHexDigit)) ? md5?.ToLowerInvariant()
        : throw new GridException(ErrorCodes.InvalidValue, $"md5 must be {Md5Digits} hexadecimal digits.", "md5");

    private static GridException NotPending(UploadRecord upload, string status) =>
        new(ErrorCodes.InvalidRequest, $"The upload '{upload.Id}' is {status}; begin another.", "upload_id");
}
