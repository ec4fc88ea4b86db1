using System.CommandLine;
using System.Globalization;
using System.Text.Json;

namespace FineTuneGrid.Cli.Commands;

public static class OrgCommands
{
    private static readonly string[] Units = ["", "KiB", "MiB", "GiB", "TiB"];

    private static readonly Argument<string> Org = new("org") { Description = "The organisation." };

    private static readonly Argument<string> Subject = new("subject") { Description = "The sub of the tokens." };

    public static Command Create() => CommandExtensions.Group("org", "What organisations keep, how much they may, and who belongs to them.",
        List(), Show(), Quota(), Members(), AddMember(), RemoveMember());

    private static Command List() => new Command("list", "Organisations with used bytes and quota.").Does(async (context, ct) =>
    {
        context.Output.Table(await context.Client.ListAsync("api/v1/orgs", ct), ("ORG", o => o.Text("name")), ("USED", o => o.Text("used_bytes")), ("QUOTA", o => o.Text("quota_bytes")));
        return 0;
    });

    private static Command Show() => new Command("show", "What an organisation keeps, by kind, and the largest of it.").Does(async (context, ct) =>
    {
        var usage = await context.Client.GetAsync($"api/v1/orgs/{Uri.EscapeDataString(context.Get(Org))}", ct);
        context.Output.Result(usage, () => JsonSerializer.Serialize(usage, Contracts.GridJson.Indented));
        return 0;
    }, Org);

    private static Command Quota()
    {
        var size = new Argument<string>("size") { Description = "Bytes, or a number of KiB, MiB, GiB or TiB such as 200GiB; none lifts the quota." };
        return new Command("quota", "Limit what an organisation keeps (admin).").Does(async (context, ct) =>
        {
            var bytes = Bytes(context.Get(size));
            var usage = await context.Client.PutAsync($"api/v1/orgs/{Uri.EscapeDataString(context.Get(Org))}/quota", new { bytes }, ct);
            context.Output.Result(usage, () => $"{usage.Text("name")} uses {usage.Text("used_bytes")} of {usage.Text("quota_bytes") ?? "unlimited"} bytes");
            return 0;
        }, Org, size);
    }

    private static Command Members() => new Command("members", "Who belongs to an organisation by the identity provider's tokens.").Does(async (context, ct) =>
    {
        context.Output.Table(await context.Client.ListAsync($"api/v1/orgs/{Uri.EscapeDataString(context.Get(Org))}/members", ct),
            ("SUBJECT", m => m.Text("subject")), ("ROLE", m => m.Text("role")), ("ADDED", m => m.Text("added_at")));
        return 0;
    }, Org);

    private static Command AddMember()
    {
        var role = new Option<string>("--role") { Description = "reader or member.", DefaultValueFactory = _ => "member" };
        role.AcceptOnlyFromAmong("reader", "member");
        return new Command("add-member", "Let the holder of the identity provider's tokens in (admin).").Does(async (context, ct) =>
        {
            var member = await context.Client.PutAsync(MemberPath(context), new { role = context.Get(role) }, ct);
            context.Output.Result(member, () => $"{member.Text("subject")} is a {member.Text("role")} of {member.Text("org")}");
            return 0;
        }, Org, Subject, role);
    }

    private static Command RemoveMember() => new Command("remove-member", "Refuse the member's tokens from now on (admin).").Does(async (context, ct) =>
    {
        await context.Client.DeleteAsync(MemberPath(context), ct);
        context.Output.Result(new { removed = context.Get(Subject) }, () => $"removed {context.Get(Subject)}");
        return 0;
    }, Org, Subject);

    private static string MemberPath(CommandContext context) => $"api/v1/orgs/{Uri.EscapeDataString(context.Get(Org))}/members/{Uri.EscapeDataString(context.Get(Subject))}";

    /// <summary>Null for <c>none</c>.</summary>
    private static long? Bytes(string text)
    {
        if (text == "none") return null;
        var digits = text.TakeWhile(char.IsAsciiDigit).Count();
        var unit = Array.FindIndex(Units, u => u.Equals(text[digits..], StringComparison.OrdinalIgnoreCase));
        return unit >= 0 && long.TryParse(text[..digits], NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number <= long.MaxValue >> (10 * unit)
            ? number << (10 * unit)
            : throw new CliException($"'{text}' is not a size such as 500000, 200GiB or none", 2);
    }
}
