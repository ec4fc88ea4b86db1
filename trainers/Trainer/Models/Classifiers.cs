using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Contracts.Models;
using FineTuneGrid.Models.Architectures;

namespace FineTuneGrid.Trainer.Models;

/// <summary>Bases with a head over a job's classes.</summary>
internal static class Classifiers
{
    /// <param name="body">The base's architecture.</param>
    /// <param name="manifest">Says what its folder holds; null where there is none, as for a model made from nothing.</param>
    /// <param name="classes">Names of the classes, by their ids.</param>
    public static SequenceClassifier Of(Architecture body, ModelManifest? manifest, IReadOnlyList<string> classes) =>
        SequenceClassifier.Create(body, classes, manifest is null ? [] : [.. Fresh(body, manifest, classes)]);

    /// <summary>
    /// Folders of masked language models come without a pooler, most without a head; and a head for other classes is of no use.
    /// </summary>
    private static IEnumerable<string> Fresh(Architecture body, ModelManifest manifest, IReadOnlyList<string> classes)
    {
        foreach (var module in body.OptionalModules.Where(module => !manifest.LinearModules.Any(m => m.Path.StartsWith(module + ".", StringComparison.Ordinal))))
            yield return module;
        if (manifest.Classes is not { } own || !own.SequenceEqual(classes))
            yield return ModelTypes.ClassifierHead(manifest.ModelType);
    }
}
