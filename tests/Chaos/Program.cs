using System.CommandLine;
using FineTuneGrid.Chaos;

var minutes = new Option<double>("--minutes") { Description = "How long faults are injected.", DefaultValueFactory = _ => 2 };
var seed = new Option<int>("--seed") { Description = "Of the schedule of faults, or of what varies between kills.", DefaultValueFactory = _ => 1 };
var nodes = new Option<int?>("--nodes") { Description = "Node agents with one slot each; default 3, with --matrix 2." };
var matrix = new Option<bool>("--matrix") { Description = "Kill each part at each moment of a job's life, instead of a storm." };
var count = new Option<int>("--count") { Description = "Kills, for each cell of the matrix.", DefaultValueFactory = _ => 20 };
var only = new Option<string>("--only") { Description = "Cells of the matrix, separated by commas; 'trainer/' and '/queued' are a row and a column." };
minutes.Validators.Add(r => { if (r.GetValueOrDefault<double>() is not (> 0 and <= 24 * 60)) r.AddError("--minutes must be above 0 and at most 1440"); });
nodes.Validators.Add(r => { if (r.GetValueOrDefault<int?>() is < 1 or > 16) r.AddError("--nodes must be 1 to 16"); });
count.Validators.Add(r => { if (r.GetValueOrDefault<int>() is < 1 or > 10_000) r.AddError("--count must be 1 to 10000"); });
only.Validators.Add(r =>
{
    try
    {
        Cell.Choose(r.GetValueOrDefault<string>(), ClusterPrograms.Silos);
    }
    catch (FormatException e)
    {
        r.AddError(e.Message);
    }
});
var command = new RootCommand("Runs a cluster of real processes with jobs, kills and pauses its parts, and checks that nothing was lost.") { minutes, seed, nodes, matrix, count, only };
var recovery = new Command("recovery", "Measures how long a job whose trainer is killed takes to its next optimizer step.") { count, seed };
recovery.SetAction((parsed, _) => RecoveryRun.RunAsync(parsed.GetValue(count), parsed.GetValue(seed)));
command.Subcommands.Add(recovery);
command.SetAction((parsed, _) => parsed.GetValue(matrix)
    ? MatrixRun.RunAsync(new MatrixOptions(parsed.GetValue(count), parsed.GetValue(seed), parsed.GetValue(nodes) ?? 2, parsed.GetValue(only)))
    : ChaosRun.RunAsync(new ChaosOptions(TimeSpan.FromMinutes(parsed.GetValue(minutes)), parsed.GetValue(seed), ClusterPrograms.Silos, parsed.GetValue(nodes) ?? 3)));
return await command.Parse(args).InvokeAsync();
