using System.Text.Json.Serialization;

namespace FineTuneGrid.Gateway.OpenAi.Files;

/// <summary>OpenAI's JSON of files.</summary>
internal static class FileViews
{
    public static object Of(FileEntry entry) => new FileObject(
        entry.File.Id, "file", entry.File.Bytes, entry.File.CreatedAt.ToUnixTimeSeconds(), entry.File.Filename, entry.File.Purpose, entry.Status, entry.File.ExpiresAt?.ToUnixTimeSeconds(), entry.Details);

    public static object List(IReadOnlyList<FileEntry> files, bool hasMore) => new FileList(
        "list", [.. files.Select(Of)], hasMore, files.Count == 0 ? null : files[0].File.Id, files.Count == 0 ? null : files[^1].File.Id);

    public static object Deleted(string kind, string id) => new { Id = id, Object = kind, Deleted = true };

    private sealed record FileObject(
        string Id, string Object, long Bytes, long CreatedAt, string Filename, string Purpose, string Status, long? ExpiresAt, string? StatusDetails);

    private sealed record FileList(
        string Object, IReadOnlyList<object> Data, bool HasMore,
        [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? FirstId, [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? LastId);
}
