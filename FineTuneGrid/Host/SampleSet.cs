using FineTuneGrid.Contracts;
using FineTuneGrid.Gateway.Assets;
using FineTuneGrid.Storage;

namespace FineTuneGrid.Host;

/// <summary>What a new data directory comes with: the base model <c>tiny</c> and the data sets <c>sample</c> and <c>sample-validation</c>.</summary>
internal sealed class SampleSet(string folder)
{
    private const string License = "MIT";
    private const string Marker = "installation/samples";

    public string Folder => folder;

    /// <summary>The given folder, else the product's own; null where this installation ships none.</summary>
    /// <exception cref="GridException">The given folder does not hold the samples.</exception>
    public static SampleSet? Locate(string? given)
    {
        if (given is not null)
            return IsSampleFolder(given) ? new(Path.GetFullPath(given)) : throw new GridException(ErrorCodes.NotFound, $"--samples {given} does not hold the sample model and data.", "--samples");
        for (var up = new DirectoryInfo(AppContext.BaseDirectory); up is not null; up = up.Parent)
        {
            foreach (var place in (string[])[Path.Combine(up.FullName, "samples"), Path.Combine(up.FullName, "datasets", "samples")])
            {
                if (IsSampleFolder(place)) return new(place);
            }
        }
        return null;
    }

    /// <summary>Once in the life of a grid, so that a user's deletion stays. A crash in between repeats what is missing.</summary>
    public async Task RegisterOnceAsync(AssetService assets, IBlobStore store, string data)
    {
        // Earlier builds left a file.
        if (File.Exists(Path.Combine(data, "samples.registered")) || await store.StatAsync(Marker) is not null) return;
        await RegisterAsync(assets, AssetKind.Model, "tiny", "tiny");
        await RegisterAsync(assets, AssetKind.Dataset, "sample", "train.parquet");
        await RegisterAsync(assets, AssetKind.Dataset, "sample-validation", "validation.parquet");
        await store.WriteBytesAsync(Marker, default);
    }

    private async Task RegisterAsync(AssetService assets, AssetKind kind, string name, string path)
    {
        try
        {
            await assets.ImportAsync(kind, Names.SharedOrg, name, Path.Combine(folder, path), License, CancellationToken.None);
        }
        catch (GridException e) when (e.Code == ErrorCodes.AlreadyExists)
        {
            // An earlier start got this far.
        }
    }

    private static bool IsSampleFolder(string path) => File.Exists(Path.Combine(path, "train.parquet")) && File.Exists(Path.Combine(path, "tiny", "config.json"));
}
