using System.CommandLine;
using FineTuneGrid.Contracts.Access;

namespace FineTuneGrid.Cli.Commands;

public static class KeyCommands
{
    public static Command Create() => CommandExtensions.Group("key", "API keys (admin).", CreateKey(), List(), Revoke());

    private static Command CreateKey()
    {
        var name = new Argument<string>("name") { Description = "A label." };
        var role = new Option<string>("--role") { Description = "reader, member or admin.", DefaultValueFactory = _ => "member" };
        role.AcceptOnlyFromAmong("reader", "member", "admin");
        var expires = new Option<string?>("--expires") { Description = "Refuse the key after: a time, or a span such as 90d (default: never)." };
        var scopes = new Option<string[]>("--scope") { Description = "Limit the key to this within its role; may be given several times." };
        scopes.AcceptOnlyFromAmong([.. KeyScopes.All]);
        return new Command("create", "Make a key; its secret is shown once.").Does(async (context, ct) =>
        {
            var created = await context.Client.PostAsync("api/v1/keys", new
            {
                name = context.Get(name), org = context.Get(AssetCommands.Org), role = context.Get(role),
                expires_at = context.Get(expires) is { } text ? Moments.Parse(text, DateTimeOffset.UtcNow, 1) : (DateTimeOffset?)null,
                scopes = context.Get(scopes) is { Length: > 0 } given ? given : null,
            }, ct);
            context.Output.Result(created, () => created.Text("secret")!);
            return 0;
        }, name, role, AssetCommands.Org, expires, scopes);
    }

    private static Command List() => new Command("list", "All keys, without their secrets.").Does(async (context, ct) =>
    {
        context.Output.Table(await context.Client.ListAsync("api/v1/keys", ct),
            ("ID", k => k.Text("id")), ("NAME", k => k.Text("name")), ("ORG", k => k.Text("org")), ("ROLE", k => k.Text("role")),
            ("SCOPES", k => k.At("scopes") is { } scopes ? string.Join(",", scopes.EnumerateArray().Select(s => s.GetString())) : null),
            ("CREATED", k => k.Text("created_at")), ("LAST USED", k => k.Text("last_used_at")), ("EXPIRES", k => k.Text("expires_at")), ("REVOKED", k => k.Text("revoked_at")));
        return 0;
    });

    private static Command Revoke()
    {
        var id = new Argument<string>("id") { Description = "The key's id." };
        return new Command("revoke", "Refuse the key from now on.").Does(async (context, ct) =>
        {
            await context.Client.DeleteAsync($"api/v1/keys/{Uri.EscapeDataString(context.Get(id))}", ct);
            context.Output.Result(new { revoked = context.Get(id) }, () => $"revoked {context.Get(id)}");
            return 0;
        }, id);
    }
}
