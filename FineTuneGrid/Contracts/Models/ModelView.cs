using FineTuneGrid.Contracts.Inspection;

namespace FineTuneGrid.Contracts.Models;

/// <summary>Where a model or data set stands between its first file and its use.</summary>
public enum AssetStatus
{
    Draft,
    Inspecting,
    Ready,
    Failed,
}

/// <summary>A base model as REST shows it. <paramref name="Manifest"/> is null until its files passed inspection.</summary>
public sealed record ModelView(
    string Id, string Org, string Name, AssetStatus Status, DateTimeOffset CreatedAt, ModelManifest? Manifest, GridError? Error,
    IReadOnlyList<SourceFile> Files, string? License);
