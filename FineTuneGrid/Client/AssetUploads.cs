using FineTuneGrid.Contracts.Inspection;

namespace FineTuneGrid.Client;

/// <summary>Create, upload the files, commit: how models and data sets come to a grid.</summary>
internal sealed class AssetUploads(GridTransport transport, FileTransfer files, string kind)
{
    public string Root => $"api/v1/{kind}";

    public string Of(string name) => $"{Root}/{Uri.EscapeDataString(name)}";

    /// <param name="given">Path inside the asset, and the local file.</param>
    public async Task<T> AddAsync<T>(string name, IReadOnlyList<(string Path, string File)> given, string? org, string? license, CancellationToken ct)
    {
        var query = org is null ? "" : $"?org={Uri.EscapeDataString(org)}";
        var draft = await transport.PostAsync<Draft>(Root, new { name, org, license }, ct);
        if (draft.Files.Any(f => !given.Any(g => g.Path == f.Path)))
        {
            // What an earlier, refused attempt left behind would become a part of this one.
            await transport.DeleteAsync(Of(name) + query, ct);
            await transport.PostAsync<Draft>(Root, new { name, org, license }, ct);
        }
        foreach (var (path, file) in given) await files.UploadAsync(file, $"{Of(name)}/files/{SafePath.Escape(path)}{query}", path, ct);
        return await transport.PostAsync<T>($"{Of(name)}/commit{query}", new { license }, ct);
    }

    private sealed record Draft(IReadOnlyList<SourceFile> Files);
}
