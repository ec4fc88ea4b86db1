using FineTuneGrid.Architecture.Tests;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Jobs;
using FineTuneGrid.Contracts.Nodes;
using FineTuneGrid.Storage;

namespace FineTuneGrid.Grains.Tests.Upgrade;

/// <summary>What a grid of some version had stored: its blobs, one file each, and what to expect of them.</summary>
/// <param name="Jobs">By what became of them, in the order in which they were submitted.</param>
/// <param name="Cursors">Commands that each node had taken.</param>
internal sealed record GoldenState(
    string Model, string Dataset, string Adapter, string KeyHash, long Quota, IReadOnlyList<GoldenJob> Jobs, IReadOnlyDictionary<string, long> Cursors)
{
    private const string Facts = "expected.json";

    /// <summary>Folders <c>state-v1</c>, <c>state-v2</c> ...: the older ones stay as they were written.</summary>
    public static string Folder(int version) => Path.Combine(RepositoryRoot.Find(), "tests", "Grains.Tests", "Goldens", $"state-v{version}");

    public GoldenJob Job(JobStatus status) => Assert.Single(Jobs, j => j.Status == status);

    public static GoldenState Read(int version) => GridJson.Parse<GoldenState>(File.ReadAllBytes(Path.Combine(Folder(version), Facts)));

    public static IEnumerable<string> Keys(int version)
    {
        var blobs = Path.Combine(Folder(version), "blobs");
        return Directory.EnumerateFiles(blobs, "*", SearchOption.AllDirectories).Select(f => Path.GetRelativePath(blobs, f)).Order(StringComparer.Ordinal);
    }

    public static byte[] Blob(int version, string key) => File.ReadAllBytes(Path.Combine(Folder(version), "blobs", key));

    /// <summary>A data directory with the blobs in it.</summary>
    public static async Task<string> PlaceAsync(int version)
    {
        var data = Directory.CreateTempSubdirectory("ftg-upgrade-").FullName;
        using var store = new LocalBlobStore(Path.Combine(data, "blobs"));
        foreach (var key in Keys(version)) await store.WriteBytesAsync(key, Blob(version, key));
        return data;
    }

    /// <summary>Writes the golden of a new version of the stored state. One that is there is never changed.</summary>
    public async Task SaveAsync(int version, IBlobStore store)
    {
        var folder = Folder(version);
        if (Directory.Exists(folder)) throw new IOException($"{folder} is there already: what was stored by an earlier program stays as it was.");
        await foreach (var blob in store.ListAsync(""))
        {
            var (_, bytes) = (await store.ReadAllBytesAsync(blob.Key))!.Value;
            var file = Path.Combine(folder, "blobs", blob.Key);
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            await File.WriteAllBytesAsync(file, bytes);
        }
        await File.WriteAllBytesAsync(Path.Combine(folder, Facts), System.Text.Json.JsonSerializer.SerializeToUtf8Bytes(this, GridJson.Indented));
    }
}

/// <param name="Start">The command that its trainer was started with; null for a job that never had one.</param>
/// <param name="Steps">Steps that were reported.</param>
internal sealed record GoldenJob(string Id, JobStatus Status, StartJob? Start, int Steps, int CommittedStep, long Events);
