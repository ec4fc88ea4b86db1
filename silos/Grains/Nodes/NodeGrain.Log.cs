using Microsoft.Extensions.Logging;

namespace FineTuneGrid.Grains.Nodes;

public sealed partial class NodeGrain
{
    [LoggerMessage(LogLevel.Information, "Node {Node} registered as {Incarnation} with {Slots} slot(s)")]
    private partial void LogRegistered(string node, string incarnation, int slots);

    [LoggerMessage(LogLevel.Information, "Node {Node} said goodbye")]
    private partial void LogGoodbye(string node);

    [LoggerMessage(LogLevel.Information, "Node {Node}: session {Session} ended (exit code {ExitCode}, signal {Signal}) with {Jobs} job(s)")]
    private partial void LogSessionEnded(string node, string session, int? exitCode, string? signal, int jobs);

    [LoggerMessage(LogLevel.Error, "Node {Node}: its state could not be saved; the activation ends and reads it again")]
    private partial void LogStateFailed(Exception e, string node);
}
