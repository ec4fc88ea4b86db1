using System.CommandLine;
using System.Text.Json;

namespace FineTuneGrid.Cli;

/// <summary>The verbs that models and data sets share.</summary>
public static class AssetCommands
{
    public static readonly Option<string?> Org = new("--org") { Description = "The organisation (default: the key's own)." };
    public static readonly Option<string?> License = new("--license") { Description = "Licence identifier, carried to every adapter trained from it (default: what README.md states)." };

    public static Command List(string kind, string description, params (string Title, Func<JsonElement, string?> Cell)[] columns) =>
        new Command("list", description).Does(async (context, ct) =>
        {
            context.Output.Table(await context.Client.ListAsync($"api/v1/{kind}", ct),
                [("NAME", a => a.Text("name")), ("ORG", a => a.Text("org")), ("STATUS", a => a.Text("status")), .. columns, ("ID", a => a.Text("id"))]);
            return 0;
        });

    public static Command Show(string kind, string description)
    {
        var name = new Argument<string>("name") { Description = "Name or id." };
        return new Command("show", description).Does(async (context, ct) =>
        {
            var asset = await context.Client.GetAsync(Url(context, kind, name), ct);
            context.Output.Result(asset, () => JsonSerializer.Serialize(asset, Contracts.GridJson.Indented));
            return 0;
        }, name, Org);
    }

    public static Command Remove(string kind, string description)
    {
        var name = new Argument<string>("name") { Description = "Name or id." };
        return new Command("rm", description).Does(async (context, ct) =>
        {
            await context.Client.DeleteAsync(Url(context, kind, name), ct);
            context.Output.Result(new { removed = context.Get(name) }, () => $"removed {context.Get(name)}");
            return 0;
        }, name, Org);
    }

    public static string Url(CommandContext context, string kind, Argument<string> name) =>
        $"api/v1/{kind}/{Uri.EscapeDataString(context.Get(name))}" + (context.Get(Org) is { } org ? $"?org={Uri.EscapeDataString(org)}" : "");
}
