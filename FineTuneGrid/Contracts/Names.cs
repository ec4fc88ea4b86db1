using System.Diagnostics.CodeAnalysis;
using System.Text.RegularExpressions;

namespace FineTuneGrid.Contracts;

/// <summary>User-chosen names of organisations, models, data sets and adapters. They never become storage keys.</summary>
public static partial class Names
{
    public const string SharedOrg = "shared";

    private static readonly HashSet<string> Reserved =
        ["api", "v1", "dashboard", "metrics", "healthz", "readyz", "livez", "openapi", "login"];

    public static string Check(string? name, string field)
    {
        if (name is null || !Pattern().IsMatch(name))
            throw new GridException(ErrorCodes.InvalidValue,
                $"{field} must be 1 to 96 characters of a-z, 0-9, '.', '_' or '-', starting with a letter or digit.", field);
        if (Reserved.Contains(name))
            throw new GridException(ErrorCodes.InvalidValue, $"{field} may not be the reserved word '{name}'.", field);
        return name;
    }

    public static bool IsValid([NotNullWhen(true)] string? name) => name is not null && Pattern().IsMatch(name) && !Reserved.Contains(name);

    [GeneratedRegex(@"\A[a-z0-9][a-z0-9._-]{0,95}\z", RegexOptions.CultureInvariant)]
    private static partial Regex Pattern();
}

/// <summary>A reference to an adapter: <c>org/name</c>, optionally <c>@version</c> or <c>@alias</c>.</summary>
public sealed record AdapterRef(string Org, string Name, string? Version = null)
{
    public override string ToString() => Version is null ? $"{Org}/{Name}" : $"{Org}/{Name}@{Version}";

    public static AdapterRef Parse(string? text, string field)
    {
        var at = text?.Split('@', 2) ?? [];
        var path = at.Length > 0 ? at[0].Split('/') : [];
        if (path.Length != 2)
            throw new GridException(ErrorCodes.InvalidValue, $"{field} must be 'org/name' or 'org/name@version'.", field);
        return new AdapterRef(Names.Check(path[0], field), Names.Check(path[1], field), at.Length == 2 ? Names.Check(at[1], field) : null);
    }
}
