using System.CommandLine;
using System.Text.Json;
using FineTuneGrid.Cli.Commands;
using FineTuneGrid.Contracts;

namespace FineTuneGrid.Cli;

/// <summary>The whole program: a command line in, an exit code out (0 ok, 1 failed, 2 wrong usage). The last line of the errors is the reason.</summary>
public static class CliApp
{
    public static async Task<int> RunAsync(string[] args, TextWriter output, TextWriter errors, CancellationToken ct = default)
    {
        var parsed = Root().Parse(args);
        if (parsed.Errors.Count > 0) return Fail(errors, $"{parsed.Errors[0].Message} (ftg {string.Join(' ', args.TakeWhile(a => !a.StartsWith('-')))} --help)", 2);
        try
        {
            return await parsed.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false, Output = output, Error = errors }, ct);
        }
        catch (CliException e)
        {
            return Fail(errors, e.Message, e.ExitCode);
        }
        catch (GridException e)
        {
            return Fail(errors, e.Message, 2);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or HttpRequestException)
        {
            return Fail(errors, e.Message, 1);
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or FormatException or InvalidOperationException)
        {
            return Fail(errors, $"the answer of FTG_URL is not a grid's: {e.Message}", 1);
        }
        catch (OperationCanceledException)
        {
            return Fail(errors, "interrupted; what was submitted goes on", 1);
        }
    }

    public static RootCommand Root()
    {
        var root = new RootCommand("FineTuneGrid's command line. FTG_URL is the grid's address (default http://127.0.0.1:5080), FTG_API_KEY the key.");
        root.Options.Add(CommandExtensions.Json);
        foreach (var command in (Command[])[
            JobCommands.Create(), ModelCommands.Create(), DatasetCommands.Create(), AdapterCommands.Create(),
            RunCommands.Generate(), RunCommands.Evaluate(), RunCommands.Classify(), NodeCommands.Create(), ClusterCommands.Create(), KeyCommands.Create(), OrgCommands.Create(), AuditCommand.Create(), HousekeepingCommand.Create(), DemoCommand.Create()])
            root.Subcommands.Add(command);
        return root;
    }

    private static int Fail(TextWriter errors, string reason, int code)
    {
        var lines = Output.Clean(reason).TrimEnd().Split('\n');
        foreach (var line in lines[..^1]) errors.WriteLine(line);
        errors.WriteLine($"ftg: {lines[^1]}");
        return code;
    }
}
