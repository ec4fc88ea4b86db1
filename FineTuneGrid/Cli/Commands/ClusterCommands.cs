using System.CommandLine;

namespace FineTuneGrid.Cli.Commands;

public static class ClusterCommands
{
    public static Command Create() => CommandExtensions.Group("cluster", "The silos of the control plane.", Members());

    private static Command Members()
    {
        var evict = new Option<string?>("--evict") { Description = "Declare the silo of this address (ip:port@generation) dead.", HelpName = "ADDRESS" };
        var force = new Option<bool>("--force") { Description = "Evict a silo although its heartbeat is fresh." };
        return new Command("members", "Silos, their state and their last heartbeat.").Does(async (context, ct) =>
        {
            if (context.Get(evict) is { } address)
            {
                var query = context.Get(force) ? "?force=true" : "";
                var member = await context.Client.DeleteAsync($"api/v1/cluster/members/{Uri.EscapeDataString(address)}{query}", ct);
                context.Output.Result(member, () => $"{member.Text("address")} is {member.Text("status")}");
                return 0;
            }
            context.Output.Table(await context.Client.ListAsync("api/v1/cluster/members", ct),
                ("ADDRESS", m => m.Text("address")), ("STATUS", m => m.Text("status")), ("STALE", m => m.Text("stale")), ("HEARTBEAT", m => m.Text("heartbeat")),
                ("HOST", m => m.Text("host")), ("GATEWAY", m => m.Text("gateway_port")), ("NAME", m => m.Text("name")));
            return 0;
        }, evict, force);
    }
}
