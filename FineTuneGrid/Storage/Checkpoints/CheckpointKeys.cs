using System.Globalization;

namespace FineTuneGrid.Storage;

/// <summary>Where the state of one job's training lies.</summary>
internal sealed class CheckpointKeys
{
    private const string ManifestExtension = ".json";
    private const int DigestLength = 64;

    public CheckpointKeys(string jobId)
    {
        BlobKey.Validate(jobId);
        if (jobId.Contains('/'))
            throw new ArgumentException($"The job id '{jobId}' holds a slash.", nameof(jobId));
        Head = $"jobs/{jobId}/head";
        Folder = $"jobs/{jobId}/checkpoints/";
        Parts = $"{Folder}parts/";
    }

    public string Head { get; }

    /// <summary>Prefix of all manifests and parts.</summary>
    public string Folder { get; }

    public string Parts { get; }

    public string Part(string sha256) => Parts + sha256;

    public string Manifest(long epoch, long step, string sha256) =>
        string.Create(CultureInfo.InvariantCulture, $"{Folder}{epoch:D10}-{step:D12}-{sha256}{ManifestExtension}");

    /// <summary>The digest that a manifest's key promises.</summary>
    public static string DigestOf(string manifest) => manifest[^(DigestLength + ManifestExtension.Length)..^ManifestExtension.Length];
}
