using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Grains.Registry;

namespace FineTuneGrid.Grains.Housekeeping;

/// <summary>What states reference.</summary>
internal static class References
{
    public static AssetReferences Of(AssetState<ModelManifest> model) => new(model.Deleted, FilesOf(model), model.Users.Count > 0, new HashSet<string>());

    /// <param name="models">Digests of the models that there are: tokens for others are asked for by nobody.</param>
    public static AssetReferences Of(AssetState<DatasetManifest> dataset, IReadOnlySet<string> models) => new(
        dataset.Deleted, FilesOf(dataset), dataset.Users.Count > 0,
        dataset.Tokens.Where(t => IsLive(t.Key, models)).Select(t => t.Value).ToHashSet(StringComparer.Ordinal));

    public static AdapterReferences Of(AdapterState adapter) =>
        new(adapter.Deleted, adapter.Versions.SelectMany(v => v.View.Files).Select(f => f.Key).ToHashSet(StringComparer.Ordinal));

    private static HashSet<string> FilesOf<T>(AssetState<T> asset) where T : class => asset.Files.Select(f => f.Key).ToHashSet(StringComparer.Ordinal);

    /// <param name="tokens"><c>recipe.model digest.format.length</c>.</param>
    private static bool IsLive(string tokens, IReadOnlySet<string> models) =>
        tokens.Split('.') is [TokenIndex.Recipe, var model, ..] && models.Contains(model);
}
