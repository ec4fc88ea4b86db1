namespace FineTuneGrid.Contracts.Access;

/// <summary>
/// What a key may be limited to, within its role: areas of routes, to read or to write (which is to read too). A key without
/// scopes may do all that its role allows; one with scopes nothing that lies in no area.
/// </summary>
public static class KeyScopes
{
    /// <summary>Jobs, their events, metrics, checkpoints and logs.</summary>
    public const string Jobs = "jobs";

    /// <summary>Models, data sets and adapters, natively and as the Hub has them.</summary>
    public const string Registry = "registry";

    /// <summary>Running models: completions, evaluations, tokens.</summary>
    public const string Inference = "inference";

    public static readonly IReadOnlyList<string> All = ["jobs:read", "jobs:write", "registry:read", "registry:write", Inference];

    /// <returns>Null for no limit.</returns>
    public static IReadOnlyList<string>? Check(IReadOnlyList<string>? scopes, string field)
    {
        if (scopes is null) return null;
        if (scopes.Count == 0) throw new GridException(ErrorCodes.InvalidValue, $"{field} must name at least one scope, or be absent for all that the role allows.", field);
        if (scopes.FirstOrDefault(s => !All.Contains(s)) is { } unknown)
            throw new GridException(ErrorCodes.InvalidValue, $"{field}: there is no scope '{unknown}'; there are {string.Join(", ", All)}.", field);
        return [.. scopes.Distinct()];
    }

    /// <param name="area">Of the route; null where it lies in none.</param>
    public static bool Allow(IReadOnlyCollection<string>? scopes, string? area, bool write) =>
        scopes is null || (area is not null && (scopes.Contains(area) || scopes.Contains(area + ":write") || (!write && scopes.Contains(area + ":read"))));
}
