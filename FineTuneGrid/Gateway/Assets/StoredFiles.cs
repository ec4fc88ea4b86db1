using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Storage;
using Microsoft.Net.Http.Headers;

namespace FineTuneGrid.Gateway.Assets;

/// <summary>Files of the registry over HTTP: strong ETag (the SHA-256), conditional requests, ranges.</summary>
public sealed class StoredFiles(IBlobStore store)
{
    public async Task<IResult> ResultAsync(IReadOnlyList<SourceFile> files, string path, CancellationToken ct)
    {
        var file = files.FirstOrDefault(f => f.Path == path) ?? throw NameResolver.Missing("file", path);
        var content = await store.OpenReadAsync(file.Key, cancellation: ct) ?? throw NameResolver.Missing("file", path);
        var etag = new EntityTagHeaderValue($"\"{file.Sha256}\"");
        var type = path.EndsWith(".json", StringComparison.Ordinal) ? "application/json" : path.EndsWith(".md", StringComparison.Ordinal) ? "text/markdown" : "application/octet-stream";
        if (content.Stream.CanSeek) return Results.Stream(content.Stream, type, entityTag: etag, enableRangeProcessing: true);
        await content.DisposeAsync();
        return Results.Stream(new RangedBlobStream(store, file.Key, file.Length), type, entityTag: etag, enableRangeProcessing: true);
    }
}
