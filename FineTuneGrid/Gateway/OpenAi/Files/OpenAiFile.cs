using System.Text.Json.Serialization;

namespace FineTuneGrid.Gateway.OpenAi.Files;

/// <summary>A file that an organisation keeps by OpenAI's protocol.</summary>
/// <param name="Id"><c>file-...</c></param>
/// <param name="Filename">As its sender named it; never a storage key.</param>
/// <param name="Purpose">One of <see cref="FilePurposes"/>.</param>
/// <param name="ExpiresAt">Null where it is kept until it is deleted.</param>
/// <param name="Dataset">Id of the organisation's data set that holds it, for a job's <c>data.train</c>; empty for results, which are none.</param>
public sealed record OpenAiFile(string Id, long Bytes, DateTimeOffset CreatedAt, string Filename, string Purpose, DateTimeOffset? ExpiresAt, string Dataset);

/// <summary>What a file is for.</summary>
public static class FilePurposes
{
    /// <summary>Training or validation data that a caller brings.</summary>
    public const string FineTune = "fine-tune";

    /// <summary>What a job wrote.</summary>
    public const string Results = "fine-tune-results";
}

/// <summary>A file, and what the inspection made of it.</summary>
/// <param name="Status"><c>uploaded</c> until it was inspected, then <c>processed</c> or <c>error</c>.</param>
/// <param name="Details">What the inspection found wrong.</param>
public sealed record FileEntry(OpenAiFile File, string Status, string? Details)
{
    public const string Uploaded = "uploaded";
    public const string Processed = "processed";
    public const string Error = "error";
}

/// <summary>A file as it is stored, below <see cref="FileKeys"/>. Its JSON member names are a stored format.</summary>
/// <param name="Path">Its path in the data set; null for results.</param>
/// <param name="Key">Where its bytes are.</param>
internal sealed record FileRecord(string Organisation, OpenAiFile File, string Sha256, string Key, string? Path = null)
{
    [JsonIgnore]
    public string? DatasetId => File.Dataset is { Length: > 0 } id ? id : null;
}
