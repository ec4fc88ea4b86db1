using System.CommandLine;

namespace FineTuneGrid.Cli.Commands;

public static class NodeCommands
{
    public static Command Create() => CommandExtensions.Group("node", "Machines that train.", List(), Drain());

    private static Command List() => new Command("list", "Nodes and what runs on them.").Does(async (context, ct) =>
    {
        context.Output.Table(await context.Client.ListAsync("api/v1/nodes", ct),
            ("NODE", n => n.Text("id")), ("STATUS", n => n.Text("status")), ("DRAINING", n => n.Text("draining")),
            ("SLOTS", n => string.Join(",", n.GetProperty("slots").EnumerateArray().Select(s => s.Text("device")))),
            ("JOBS", n => n.GetProperty("sessions").EnumerateArray().Sum(s => s.GetProperty("jobs").GetArrayLength()).ToString(System.Globalization.CultureInfo.InvariantCulture)));
        return 0;
    });

    private static Command Drain()
    {
        var id = new Argument<string>("node") { Description = "The node's id." };
        var undo = new Option<bool>("--undo") { Description = "Take work again." };
        return new Command("drain", "Let jobs checkpoint and move away; take no new ones.").Does(async (context, ct) =>
        {
            var node = await context.Client.PostAsync($"api/v1/nodes/{Uri.EscapeDataString(context.Get(id))}/drain", new { draining = !context.Get(undo) }, ct);
            context.Output.Result(node, () => $"{node.Text("id")} {(node.Text("draining") == "true" ? "is draining" : "takes work")}");
            return 0;
        }, id, undo);
    }
}
