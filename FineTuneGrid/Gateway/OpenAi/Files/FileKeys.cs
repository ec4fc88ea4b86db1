using FineTuneGrid.Gateway.Assets;

namespace FineTuneGrid.Gateway.OpenAi.Files;

/// <summary>Where files are in the store: a folder each, which lies with the others of its organisation and sorts by the time of its making.</summary>
internal static class FileKeys
{
    public const string Root = "files/";

    private const string RecordName = "/file.json";

    public static string FilesOf(string organisation) => $"{Root}{KeyDigest.Of(organisation)}-";

    public static string Record(string organisation, string id) => FilesOf(organisation) + id + RecordName;

    /// <summary>The bytes of a file that is no data set.</summary>
    public static string Content(string organisation, string id) => $"{FilesOf(organisation)}{id}/content";

    public static bool IsRecord(string key) => key.EndsWith(RecordName, StringComparison.Ordinal);

    /// <summary>The id in a record's key.</summary>
    public static string IdOf(string key) => key.Split('/')[1].Split('-', 2)[1];
}
