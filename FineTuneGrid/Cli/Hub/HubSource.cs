using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using FineTuneGrid.Client;

namespace FineTuneGrid.Cli.Hub;

/// <summary>A file of a repository at a commit.</summary>
/// <param name="Oid">Git's id of the file (of its pointer, where there is a <paramref name="Sha256"/>).</param>
public sealed record HubFile(string Path, long Size, string Oid, string? Sha256)
{
    /// <summary>What the digest of its bytes must be.</summary>
    public string Digest => Sha256 ?? Oid;

    /// <summary>SHA-256 of large files; git's id of the others: SHA-1 over a header and the bytes.</summary>
    public async Task<string> DigestAsync(string file, CancellationToken ct)
    {
        if (Sha256 is not null) return await FileTransfer.DigestAsync(file, ct);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA1);
        await using var stream = File.OpenRead(file);
        hash.AppendData(Encoding.ASCII.GetBytes($"blob {stream.Length}\0"));
        var buffer = new byte[1 << 17];
        int read;
        while ((read = await stream.ReadAsync(buffer, ct)) > 0) hash.AppendData(buffer, 0, read);
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}

/// <summary>A Hub to pull from, by the protocol of its official clients.</summary>
/// <param name="token">Sent to the Hub itself only; null: none.</param>
public sealed partial class HubSource(HubEgress egress, string? token) : IDisposable
{
    private const int MaxRedirects = 5;
    private const int MaxPages = 100;
    private const int MaxJson = 32 << 20;

    private readonly HttpClient _http = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false, ConnectTimeout = TimeSpan.FromSeconds(30) }) { Timeout = Timeout.InfiniteTimeSpan };

    private string Root => egress.Endpoint.AbsoluteUri.TrimEnd('/');

    /// <summary>The commit that a revision stands for now.</summary>
    public async Task<string> CommitAsync(HubReference reference, CancellationToken ct)
    {
        var (info, _) = await JsonAsync(new Uri($"{Root}/api/models/{reference.Repo}/revision/{Uri.EscapeDataString(reference.Revision)}"), ct);
        return info.Text("sha") is { } sha && Commit().IsMatch(sha) ? sha : throw new CliException($"{egress.Endpoint.Host} names no commit of {reference}");
    }

    public async Task<IReadOnlyList<HubFile>> FilesAsync(string repo, string commit, CancellationToken ct)
    {
        var files = new List<HubFile>();
        var next = new Uri($"{Root}/api/models/{repo}/tree/{commit}?recursive=true&expand=false");
        for (var page = 0; next is not null; page++)
        {
            if (page == MaxPages) throw new CliException($"{repo} has more files than a model can have");
            var (entries, link) = await JsonAsync(next, ct);
            files.AddRange(entries.EnumerateArray().Where(e => e.Text("type") == "file").Select(e =>
                new HubFile(SafePath.Check(e.Text("path")!), (long)e.Number("size")!, e.Text("oid")!, e.Text("lfs.oid"))));
            next = link;
        }
        return files;
    }

    public string UrlOf(string repo, string commit, string path) => $"{Root}/{repo}/resolve/{commit}/{SafePath.Escape(path)}";

    /// <summary>Sends a GET on through redirects; whatever is not a success is thrown, what may pass by itself as <see cref="HttpRequestException"/>.</summary>
    public async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken ct)
    {
        var address = request.RequestUri!;
        for (var hop = 0; hop <= MaxRedirects; hop++)
        {
            using var sent = new HttpRequestMessage(HttpMethod.Get, address);
            sent.Headers.Range = request.Headers.Range;
            sent.Headers.AcceptEncoding.ParseAdd("identity");
            sent.Headers.UserAgent.ParseAdd("finetunegrid");
            if (token is not null && egress.IsHub(address)) sent.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
            var response = await _http.SendAsync(sent, HttpCompletionOption.ResponseHeadersRead, ct);
            if (response.IsSuccessStatusCode) return response;
            using (response)
            {
                if (response.StatusCode is not (HttpStatusCode.MovedPermanently or HttpStatusCode.Found or HttpStatusCode.SeeOther or HttpStatusCode.TemporaryRedirect or HttpStatusCode.PermanentRedirect))
                    throw Refusal(address, response);
                address = egress.Follow(address, response.Headers.Location);
            }
        }
        throw new CliException($"{request.RequestUri!.Host} redirects more than {MaxRedirects} times");
    }

    public void Dispose() => _http.Dispose();

    private async Task<(JsonElement Json, Uri? Next)> JsonAsync(Uri address, CancellationToken ct)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, address);
        using var response = await SendAsync(request, ct);
        await response.Content.LoadIntoBufferAsync(MaxJson, ct);
        var json = JsonDocument.Parse(await response.Content.ReadAsByteArrayAsync(ct)).RootElement;
        var link = response.Headers.TryGetValues("Link", out var values) ? Next().Match(string.Join(", ", values)) : Match.Empty;
        return (json, link.Success ? egress.Follow(address, new Uri(address, link.Groups[1].Value)) : null);
    }

    private static Exception Refusal(Uri address, HttpResponseMessage response)
    {
        var said = response.Headers.TryGetValues("X-Error-Message", out var messages) ? messages.First() : response.ReasonPhrase;
        var text = $"{address.Host} answered {(int)response.StatusCode}: {said}";
        return (int)response.StatusCode switch
        {
            401 or 403 => new CliException($"{text} (a private or gated model needs HF_TOKEN)"),
            408 or 429 or >= 500 => new HttpRequestException(text),
            _ => new CliException(text),
        };
    }

    [GeneratedRegex(@"\A[0-9a-f]{40}\z", RegexOptions.CultureInvariant)]
    private static partial Regex Commit();

    [GeneratedRegex("<([^>]+)>\\s*;\\s*rel=\"next\"", RegexOptions.CultureInvariant)]
    private static partial Regex Next();
}
