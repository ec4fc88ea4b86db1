using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Contracts.Models;

namespace FineTuneGrid.Grains.Registry;

/// <summary>A model or data set, durable. Its JSON member names are a stored format.</summary>
public sealed record AssetState<TManifest> where TManifest : class
{
    public required string Id { get; init; }

    public required string Org { get; init; }

    public required string Name { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public AssetStatus Status { get; init; }

    public string? License { get; init; }

    public GridError? Error { get; init; }

    /// <summary>In the order in which they were added.</summary>
    public IReadOnlyList<SourceFile> Files { get; init; } = [];

    public TManifest? Manifest { get; init; }

    /// <summary>Jobs that hold it.</summary>
    public IReadOnlyList<string> Users { get; init; } = [];

    /// <summary>A tombstone: the id is never used again.</summary>
    public bool Deleted { get; init; }

    /// <summary>Tokenised forms of a data set: what they depend on, and the blob key of their index.</summary>
    public IReadOnlyDictionary<string, string> Tokens { get; init; } = new Dictionary<string, string>();
}
