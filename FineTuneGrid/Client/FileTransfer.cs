using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;

namespace FineTuneGrid.Client;

/// <summary>Uploads and downloads of whole files that survive a cut connection, with SHA-256 checked at the end.</summary>
/// <param name="send">Sends a request and returns a success, whose body is still to be read; throws anything else. What may pass by itself is an <see cref="HttpRequestException"/>, or has one inside.</param>
public sealed class FileTransfer(Func<HttpRequestMessage, CancellationToken, Task<HttpResponseMessage>> send, TransferProgress progress)
{
    private const long PartBytes = 16 << 20;
    private const int Attempts = 5;

    /// <summary>Sends a file in parts, from where an earlier attempt stopped.</summary>
    public async Task UploadAsync(string file, string url, string label, CancellationToken ct)
    {
        var length = new FileInfo(file).Length;
        var digest = await DigestAsync(file, ct);
        using var bar = progress.Begin(label, length);
        var sent = length > PartBytes ? await SentSoFarAsync(url, length, digest, ct) : 0;
        var failures = 0;
        // Asked how far it is, a server that has it all already completes the file.
        while (sent < length || length == 0)
        {
            bar.Report(sent);
            var part = Math.Min(PartBytes, length - sent);
            try
            {
                using var request = new HttpRequestMessage(HttpMethod.Put, url) { Content = new StreamContent(Slice(file, sent, part)) };
                request.Content.Headers.ContentLength = part;
                if (part < length) request.Content.Headers.ContentRange = new ContentRangeHeaderValue(sent, sent + part - 1, length);
                request.Headers.Add("X-Content-SHA256", digest);
                using var response = await send(request, ct);
                if (response.StatusCode != HttpStatusCode.Accepted) break;
                sent = Received(response);
                failures = 0;
            }
            catch (Exception e) when (IsLost(e) && ++failures < Attempts && length > PartBytes)
            {
                progress.Note($"{label}: {e.Message}; trying again");
                sent = await SentSoFarAsync(url, length, digest, ct);
            }
        }
        bar.Report(length);
    }

    /// <summary>
    /// Fetches a file to <c>TARGET.part</c>, resuming what is there, checks length and digest, then renames: a file of the final
    /// name is always whole.
    /// </summary>
    /// <param name="expected">The digest, as <paramref name="digestOf"/> gives it.</param>
    /// <param name="digestOf">How a file's digest is made; null: SHA-256.</param>
    public async Task DownloadAsync(
        string url, string target, long length, string expected, string label, CancellationToken ct, Func<string, CancellationToken, Task<string>>? digestOf = null)
    {
        digestOf ??= DigestAsync;
        if (File.Exists(target) && new FileInfo(target).Length == length && await digestOf(target, ct) == expected) return;
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(target))!);
        var part = target + ".part";
        using var bar = progress.Begin(label, length);
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await FetchAsync(url, part, length, bar, ct);
                break;
            }
            catch (Exception e) when (e is not TransferException && (e is IOException || IsLost(e)))
            {
                if (attempt == Attempts) throw new TransferException($"{label}: {e.Message} (after {Attempts} attempts)", e);
            }
        }
        var actual = await digestOf(part, ct);
        if (actual != expected)
        {
            File.Delete(part);
            throw new TransferException($"{label}: the digest is {actual}, not {expected}; the file was discarded, try again");
        }
        File.Move(part, target, overwrite: true);
    }

    public static async Task<string> DigestAsync(string file, CancellationToken ct)
    {
        await using var stream = File.OpenRead(file);
        return Convert.ToHexStringLower(await SHA256.HashDataAsync(stream, ct));
    }

    private async Task FetchAsync(string url, string part, long length, IProgressBar bar, CancellationToken ct)
    {
        var have = File.Exists(part) ? new FileInfo(part).Length : 0;
        if (have > length) have = 0;
        if (have == length && File.Exists(part)) return;
        using var request = new HttpRequestMessage(HttpMethod.Get, url);
        if (have > 0) request.Headers.Range = new RangeHeaderValue(have, null);
        using var response = await send(request, ct);
        if (response.StatusCode != HttpStatusCode.PartialContent) have = 0;
        await using var source = await response.Content.ReadAsStreamAsync(ct);
        await using var sink = new FileStream(part, have == 0 ? FileMode.Create : FileMode.Append);
        var buffer = new byte[1 << 17];
        int read;
        while ((read = await source.ReadAsync(buffer, ct)) > 0)
        {
            await sink.WriteAsync(buffer.AsMemory(0, read), ct);
            bar.Report(have += read);
            if (have > length) throw new TransferException($"{url} sends more than the {length} bytes that it should have");
        }
        if (have != length) throw new IOException($"the connection ended at {have} of {length} bytes");
    }

    private static bool IsLost(Exception e) => e is HttpRequestException or { InnerException: HttpRequestException };

    private async Task<long> SentSoFarAsync(string url, long length, string digest, CancellationToken ct)
    {
        using var request = new HttpRequestMessage(HttpMethod.Put, url) { Content = new ByteArrayContent([]) };
        request.Content.Headers.ContentRange = new ContentRangeHeaderValue(length) { Unit = "bytes" };
        request.Headers.Add("X-Content-SHA256", digest);
        using var response = await send(request, ct);
        return response.StatusCode == HttpStatusCode.Accepted ? Received(response) : length;
    }

    private static long Received(HttpResponseMessage response)
    {
        if (!response.Headers.TryGetValues("Range", out var values) && !response.Content.Headers.TryGetValues("Range", out values)) return 0;
        var text = values.First();
        return long.Parse(text[(text.LastIndexOf('-') + 1)..], System.Globalization.CultureInfo.InvariantCulture) + 1;
    }

    private static MemoryStream Slice(string file, long offset, long length)
    {
        using var stream = File.OpenRead(file);
        stream.Position = offset;
        var bytes = new byte[length];
        stream.ReadExactly(bytes);
        return new MemoryStream(bytes);
    }
}
