using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Contracts.Models;

namespace FineTuneGrid.Contracts.Datasets;

/// <summary>A data set as REST shows it. <paramref name="Manifest"/> is null until its files passed inspection.</summary>
public sealed record DatasetView(
    string Id, string Org, string Name, AssetStatus Status, DateTimeOffset CreatedAt, DatasetManifest? Manifest, GridError? Error,
    IReadOnlyList<SourceFile> Files, string? License);
