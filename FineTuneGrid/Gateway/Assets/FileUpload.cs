using System.Security.Cryptography;
using System.Text;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Contracts.Models;
using FineTuneGrid.Gateway.Quotas;
using FineTuneGrid.Storage;

namespace FineTuneGrid.Gateway.Assets;

/// <summary>One file of a draft by PUT: whole, or in pieces by Content-Range. Bytes stream to the store; nothing is buffered whole.</summary>
public sealed class FileUpload(IBlobStore store, QuotaGate quotas, GatewayOptions options, TimeProvider time)
{
    /// <param name="org">Whose quota it counts against.</param>
    /// <param name="prefix">Server-made blob prefix of the draft, for example <c>models/{id}</c>.</param>
    /// <returns>The stored file; null where pieces are still missing (the response then says 202 and how far it is).</returns>
    public async Task<SourceFile?> ReceiveAsync(HttpContext context, string org, string prefix, string path, CancellationToken ct)
    {
        CheckPath(path);
        var key = $"{prefix}/source/{Ids.New("file", time.GetUtcNow())}";
        var expected = ExpectedDigest(context.Request);
        var length = context.Request.Headers.ContentRange.Count > 0
            ? await ReceivePieceAsync(context, org, $"{prefix}/uploads/{NameOf(path)}", key, expected, ct)
            : await ReceiveWholeAsync(context, org, key, expected, ct);
        if (length is null) return null;
        return new SourceFile(path, key, length.Value, await store.Sha256Async(key, ct) ?? throw new GridException(ErrorCodes.Internal, $"{path} vanished after it was stored."));
    }

    /// <summary>A relative path of plain names: what a Hugging Face folder holds.</summary>
    public static void CheckPath(string path)
    {
        var parts = path.Split('/');
        if (path.Length is 0 or > 300 || parts.Length > 8 || parts.Any(p => p is "" or "." or ".." || p.Any(c => !(char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-' or '+' or '='))))
            throw new GridException(ErrorCodes.InvalidValue, "A file's path must be relative, of at most 8 parts of letters, digits, '.', '_' and '-'.", "path");
        if (Pickles.Is(path))
            throw new GridException(ErrorCodes.InvalidValue, $"{path} {Pickles.Refusal}.", "path");
        if (Path.GetExtension(path).ToLowerInvariant() is ".zip" or ".7z" or ".gz" or ".tar")
            throw new GridException(ErrorCodes.InvalidValue, $"{path} is an archive; bring the files that are in it: safetensors, JSON, JSONL or Parquet.", "path");
    }

    private async Task<long?> ReceiveWholeAsync(HttpContext context, string org, string key, string? expected, CancellationToken ct)
    {
        if (context.Request.ContentLength > options.MaxFileBytes)
            throw new GridException(ErrorCodes.TooLarge, $"A file may have at most {options.MaxFileBytes} bytes; {context.Request.ContentLength} were announced.");
        using var room = await quotas.ReserveAsync(org, context.Request.ContentLength);
        await using var body = room.Most < options.MaxFileBytes
            ? new CheckedStream(context.Request.Body, room.Most, expected, room.Refuse)
            : new CheckedStream(context.Request.Body, options.MaxFileBytes, expected);
        var length = (await store.WriteAsync(key, body, WriteCondition.IfAbsent, ct)).Length;
        room.Stored(length);
        return length;
    }

    private async Task<long?> ReceivePieceAsync(HttpContext context, string org, string uploadPrefix, string key, string? expected, CancellationToken ct)
    {
        var range = context.Request.GetTypedHeaders().ContentRange
            ?? throw new GridException(ErrorCodes.InvalidRequest, "Content-Range must be 'bytes FROM-TO/TOTAL', or 'bytes */TOTAL' to ask how far the upload is.", "Content-Range");
        if (range.Length is not { } total)
            throw new GridException(ErrorCodes.InvalidRequest, "Content-Range must state the total length, as in 'bytes 0-99/1000'.", "Content-Range");
        if (total > options.MaxFileBytes)
            throw new GridException(ErrorCodes.TooLarge, $"A file may have at most {options.MaxFileBytes} bytes; {total} were announced.", "Content-Range");
        // The length is a part of the prefix: pieces of another file of that name are not taken for this one's.
        var upload = new ResumableUpload(store, $"{uploadPrefix}-{total}");
        long received;
        if (range.From is { } from)
        {
            using var room = await quotas.ReserveAsync(org, range.To!.Value - from + 1);
            await using var body = new CheckedStream(context.Request.Body, range.To.Value - from + 1, null);
            received = await upload.AppendAsync(from, body, ct);
            room.Stored(received - from);
        }
        else
        {
            received = await upload.ReceivedAsync(ct);
        }
        if (received >= total) return await CompleteAsync(upload, key, total, expected, ct);
        context.Response.StatusCode = StatusCodes.Status202Accepted;
        if (received > 0) context.Response.Headers["Range"] = $"bytes=0-{received - 1}";
        return null;
    }

    private static async Task<long> CompleteAsync(ResumableUpload upload, string key, long total, string? expected, CancellationToken ct)
    {
        try
        {
            return (await upload.CommitAsync(key, total, expected, WriteCondition.IfAbsent, ct)).Length;
        }
        catch (GridException e) when (e.Code == ErrorCodes.DigestMismatch)
        {
            // Pieces that are wrong now stay wrong: kept, they would fail every further attempt.
            await upload.AbortAsync(ct);
            throw;
        }
    }

    private static string? ExpectedDigest(HttpRequest request)
    {
        var given = request.Headers["X-Content-SHA256"].ToString();
        if (given.Length == 0) return null;
        if (given.Length != 64 || !given.All(char.IsAsciiHexDigit))
            throw new GridException(ErrorCodes.InvalidValue, "X-Content-SHA256 must be 64 hexadecimal digits.", "X-Content-SHA256");
        return given.ToLowerInvariant();
    }

    private static string NameOf(string path) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(path)))[..32];
}
