using FineTuneGrid.Gateway.Assets;

namespace FineTuneGrid.Gateway.OpenAi.Uploads;

/// <summary>A file that comes in parts. Its JSON member names are a stored format.</summary>
/// <param name="Bytes">What the parts must have together.</param>
/// <param name="FileId">The id of the file that it becomes, fixed from the start: completing it twice makes one file.</param>
/// <param name="Lifetime">How long that file is kept; null for ever.</param>
public sealed record UploadRecord(
    string Id, string Organisation, string FileId, long Bytes, string Filename, string Purpose, DateTimeOffset CreatedAt, DateTimeOffset ExpiresAt, TimeSpan? Lifetime, UploadStatus Status);

public enum UploadStatus
{
    Pending,
    Completed,
    Cancelled,
}

/// <summary>Where uploads are in the store: a folder each, with the record and the parts.</summary>
internal static class UploadKeys
{
    public const string Root = "uploads/";

    public static string UploadsOf(string organisation) => $"{Root}{KeyDigest.Of(organisation)}-";

    public static string Record(string organisation, string id) => $"{UploadsOf(organisation)}{id}/upload.json";

    public static string Parts(string organisation, string id) => $"{UploadsOf(organisation)}{id}/parts/";
}
