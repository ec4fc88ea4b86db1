using System.Text.RegularExpressions;

namespace FineTuneGrid.Cli.Hub;

/// <summary>A model on a Hub: <c>hub:org/name</c> or <c>hub:name</c>, optionally <c>@revision</c>.</summary>
public sealed partial record HubReference(string Repo, string Revision)
{
    public const string Prefix = "hub:";

    /// <summary>The name that it gets here unless another is given.</summary>
    public string DefaultName => Repo.Split('/')[^1].ToLowerInvariant();

    public static bool IsOne(string text) => text.StartsWith(Prefix, StringComparison.Ordinal);

    public static HubReference Parse(string text)
    {
        var match = Form().Match(text);
        return match.Success && !text.Contains("..", StringComparison.Ordinal)
            ? new HubReference(match.Groups["repo"].Value, match.Groups["revision"] is { Success: true } revision ? revision.Value : "main")
            : throw new CliException($"{text} is no hub:org/name or hub:org/name@revision", 2);
    }

    public override string ToString() => $"{Prefix}{Repo}@{Revision}";

    [GeneratedRegex(@"\Ahub:(?<repo>[A-Za-z0-9][A-Za-z0-9._-]{0,95}(/[A-Za-z0-9][A-Za-z0-9._-]{0,95})?)(@(?<revision>[A-Za-z0-9][A-Za-z0-9._/-]{0,199}))?\z", RegexOptions.CultureInvariant)]
    private static partial Regex Form();
}
