using System.CommandLine;
using FineTuneGrid.Chaos;

var minutes = new Option<double>("--minutes") { Description = "How long faults are injected.", DefaultValueFactory = _ => 2 };
var seed = new Option<int>("--seed") { Description = "Of the schedule of faults.", DefaultValueFactory = _ => 1 };
var nodes = new Option<int>("--nodes") { Description = "Node agents with one slot each.", DefaultValueFactory = _ => 3 };
minutes.Validators.Add(r => { if (r.GetValueOrDefault<double>() is not (> 0 and <= 24 * 60)) r.AddError("--minutes must be above 0 and at most 1440"); });
nodes.Validators.Add(r => { if (r.GetValueOrDefault<int>() is < 1 or > 16) r.AddError("--nodes must be 1 to 16"); });
var command = new RootCommand("Runs a cluster of real processes with a stream of jobs, kills and pauses its parts by a seeded schedule, and checks that nothing was lost.") { minutes, seed, nodes };
command.SetAction((parsed, _) => ChaosRun.RunAsync(new ChaosOptions(TimeSpan.FromMinutes(parsed.GetValue(minutes)), parsed.GetValue(seed), parsed.GetValue(nodes))));
return await command.Parse(args).InvokeAsync();
