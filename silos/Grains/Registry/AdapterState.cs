using FineTuneGrid.Contracts.Adapters;

namespace FineTuneGrid.Grains.Registry;

/// <summary>One adapter, durable. Its JSON member names are a stored format.</summary>
public sealed record AdapterState
{
    public required string Id { get; init; }

    public required string Org { get; init; }

    public required string Name { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>The next version's number. Numbers of deleted versions are not given again.</summary>
    public int NextVersion { get; init; } = 1;

    /// <summary>Oldest first.</summary>
    public IReadOnlyList<AdapterEntry> Versions { get; init; } = [];

    /// <summary>Oldest first; the first ones go where there are more than <see cref="StageRules.MaxHistory"/>.</summary>
    public IReadOnlyList<StageChange> StageHistory { get; init; } = [];

    public bool Deleted { get; init; }
}

/// <param name="Source">The job or upload that it came from: one version each.</param>
public sealed record AdapterEntry(string Source, AdapterVersionView View);
