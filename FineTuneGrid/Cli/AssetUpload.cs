using System.Text.Json;
using FineTuneGrid.Client;

namespace FineTuneGrid.Cli;

/// <summary>Registers a model or a data set: create, upload the files, commit.</summary>
public static class AssetUpload
{
    /// <param name="kind"><c>models</c> or <c>datasets</c>.</param>
    /// <param name="files">Path inside the asset, and the local file.</param>
    public static async Task<JsonElement> RunAsync(
        CommandContext context, string kind, string name, string? org, string? license, IReadOnlyList<(string Path, string File)> files, CancellationToken ct)
    {
        var query = org is null ? "" : $"?org={Uri.EscapeDataString(org)}";
        var root = $"api/v1/{kind}/{Uri.EscapeDataString(name)}";
        var draft = await context.Client.PostAsync($"api/v1/{kind}", new { name, org, license }, ct);
        if (draft.At("files")?.EnumerateArray().Any(f => !files.Any(given => given.Path == f.Text("path"))) == true)
        {
            // What an earlier, refused attempt left behind would become a part of this one.
            await context.Client.DeleteAsync(root + query, ct);
            await context.Client.PostAsync($"api/v1/{kind}", new { name, org, license }, ct);
        }
        foreach (var (path, file) in files)
            await context.Files.UploadAsync(file, $"{root}/files/{SafePath.Escape(path)}{query}", path, ct);
        return await context.Client.PostAsync($"{root}/commit{query}", new { license }, ct);
    }
}
