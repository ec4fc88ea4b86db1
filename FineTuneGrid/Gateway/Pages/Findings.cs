using FineTuneGrid.Contracts;

namespace FineTuneGrid.Gateway.Pages;

/// <summary>What a check found, row by row.</summary>
internal static class Findings
{
    /// <summary>All findings of an error as a table; nothing where it has none.</summary>
    public static Html List(GridError error) => error.Findings is not { Count: > 0 } findings ? Html.Empty
        : Format.Table("What was found", ["Where", "Row", "What", "The row"], findings.Select(f => (Html[])
        [
            Html.Of($"{f.Where}"), Html.Of($"{(f.Row is { } row ? Format.Count(row) : "–")}"), Html.Of($"{f.Message}"), f.Sample is { } sample ? Html.Of($"<code>{sample}</code>") : Html.Of($"–"),
        ]), "");
}
