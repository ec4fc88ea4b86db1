using System.CommandLine;
using FineTuneGrid.Cli;
using FineTuneGrid.Cli.Commands;

var root = new RootCommand("FineTuneGrid's command line. FTG_URL is the grid's address (default http://127.0.0.1:5080), FTG_API_KEY the key.");
root.Options.Add(CommandExtensions.Json);
foreach (var command in (Command[])[
    JobCommands.Create(), ModelCommands.Create(), DatasetCommands.Create(), AdapterCommands.Create(),
    RunCommands.Generate(), RunCommands.Evaluate(), NodeCommands.Create(), KeyCommands.Create(), DemoCommand.Create()])
    root.Subcommands.Add(command);

var parsed = root.Parse(args);
if (parsed.Errors.Count > 0)
{
    Console.Error.WriteLine($"ftg: {parsed.Errors[0].Message} (ftg {string.Join(' ', args.TakeWhile(a => !a.StartsWith('-')))} --help)");
    return 2;
}
try
{
    return await parsed.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
}
catch (CliException e)
{
    Console.Error.WriteLine($"ftg: {e.Message}");
    return e.ExitCode;
}
catch (Exception e) when (e is IOException or UnauthorizedAccessException)
{
    Console.Error.WriteLine($"ftg: {e.Message}");
    return 1;
}
catch (OperationCanceledException)
{
    Console.Error.WriteLine("ftg: interrupted; what was submitted goes on");
    return 1;
}
