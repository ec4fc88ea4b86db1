using System.CommandLine;
using FineTuneGrid.Client;

namespace FineTuneGrid.Cli;

/// <summary>What every command gets: the parsed line, the client and the output.</summary>
public sealed record CommandContext(ParseResult Parsed, GridClient Client, Output Output)
{
    public FileTransfer Files => new((request, ct) => Client.SendOkAsync(request, ct), Output);

    public T Get<T>(Argument<T> argument) => Parsed.GetRequiredValue(argument);

    public T? Get<T>(Option<T> option) => Parsed.GetValue(option);
}

public static class CommandExtensions
{
    public static readonly Option<bool> Json = new("--json") { Description = "Print JSON on standard output.", Recursive = true };

    /// <summary>Adds arguments and options, and the handler.</summary>
    public static Command Does(this Command command, Func<CommandContext, CancellationToken, Task<int>> handler, params Symbol[] symbols)
    {
        foreach (var symbol in symbols)
        {
            if (symbol is Argument argument) command.Arguments.Add(argument);
            else command.Options.Add((Option)symbol);
        }
        command.SetAction(async (parsed, ct) =>
        {
            using var client = GridClient.FromEnvironment();
            return await handler(new CommandContext(parsed, client, new Output(parsed.GetValue(Json), parsed.InvocationConfiguration.Output, parsed.InvocationConfiguration.Error)), ct);
        });
        return command;
    }

    public static Command Group(string name, string description, params Command[] commands)
    {
        var group = new Command(name, description);
        foreach (var command in commands) group.Subcommands.Add(command);
        return group;
    }
}
