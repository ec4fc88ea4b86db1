using System.Globalization;
using FineTuneGrid.Contracts;
using FineTuneGrid.Trainer;
using FineTuneGrid.Trainer.Serving;
using FineTuneGrid.Trainer.Session;
using FineTuneGrid.Trainer.Tasks;

CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
const string Usage = """
    FineTuneGrid.Trainer session RUNDIR                      serve a node agent
    FineTuneGrid.Trainer serve RUNDIR                        keep a base model in memory and complete texts for a node agent
    FineTuneGrid.Trainer task FILE [REPLY]                   run one task; the reply goes to REPLY, or is the last line of the output
    FineTuneGrid.Trainer features                            say what this program can do on this machine
    FineTuneGrid.Trainer run ORDER.json --data DIR [--out DIR] [--threads N]
                                                             train one order on files, without an agent
    """;
try
{
    switch (args)
    {
        case ["session", var folder]:
            var code = await SessionCommand.RunAsync(folder);
            // What a lost worker left under way has threads of its own, which must not see the libraries go.
            if (code != 0) ThisProcess.EndNow(code);
            return code;
        case ["serve", var folder]:
            return await ServeCommand.RunAsync(folder);
        case ["features"]:
            return FeaturesCommand.Run();
        case ["task", var file]:
            return TaskCommand.Run(file, null);
        case ["task", var file, var reply]:
            return TaskCommand.Run(file, reply);
        case ["run", var order, .. var options]:
            return RunCommand.Run(order, RunOptions.Parse(options));
        default:
            Console.Error.WriteLine(Usage);
            return 2;
    }
}
catch (GridException e)
{
    Console.Error.WriteLine($"{e.Code}: {e.Message}");
    return e.Code == ErrorCodes.InvalidRequest ? 2 : 1;
}
