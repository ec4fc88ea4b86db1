using System.CommandLine;
using System.Globalization;

namespace FineTuneGrid.Cli.Commands;

public static class AuditCommand
{
    public static Command Create()
    {
        var since = new Option<string>("--since") { Description = "From when on: a time, or a span such as 7d or 2h.", DefaultValueFactory = _ => "1d" };
        var until = new Option<string?>("--until") { Description = "Up to when (default: now)." };
        var org = new Option<string?>("--org") { Description = "Only what this organisation's keys asked for." };
        var key = new Option<string?>("--key") { Description = "Only what this key's id asked for." };
        var limit = new Option<int>("--limit") { Description = "At most so many, the oldest first (0: all).", DefaultValueFactory = _ => 0 };
        return new Command("audit", "Who changed what, oldest first (admin).").Does(async (context, ct) =>
        {
            var now = DateTimeOffset.UtcNow;
            var query = $"since={Time(Moments.Parse(context.Get(since)!, now, -1))}" + (context.Get(until) is { } end ? $"&until={Time(Moments.Parse(end, now, -1))}" : "")
                + Filter("org", context.Get(org)) + Filter("key", context.Get(key));
            context.Output.Table(await context.Client.ListAsync("api/v1/audit?" + query, ct, context.Get(limit)),
                ("TIME", r => r.Text("at")), ("KEY", r => r.Text("key")), ("ORG", r => r.Text("org")), ("ROUTE", r => r.Text("route")), ("OBJECT", r => r.Text("object")),
                ("STATUS", r => r.Text("status")), ("OUTCOME", r => r.Text("outcome")), ("REQUEST", r => r.Text("request_id")));
            return 0;
        }, since, until, org, key, limit);
    }

    private static string Time(DateTimeOffset time) => Uri.EscapeDataString(time.ToString("O", CultureInfo.InvariantCulture));

    private static string Filter(string name, string? value) => value is null ? "" : $"&{name}={Uri.EscapeDataString(value)}";
}
