using Microsoft.Extensions.Logging;

namespace FineTuneGrid.Agent.Sessions;

internal sealed partial class SessionHost
{
    private ILogger Logger => _services.Logger;

    private void LogStarted(string session, int pid) => Started(Logger, session, pid);

    private void LogAdopted(string session, int pid) => Adopted(Logger, session, pid);

    private void LogEnded(string session, int? code, string? signal) => Ended(Logger, session, code, signal);

    private void LogStartFailed(Exception e, string session) => StartFailed(Logger, e, session);

    private void LogSilent(string session, int pid) => Silent(Logger, session, pid);

    private void LogNotSaved(Exception e, string session) => NotSaved(Logger, e, session);

    private void LogBadFrame(Exception e, string session) => BadFrame(Logger, e, session);

    private void LogUnshipped(Exception e, string session) => Unshipped(Logger, e, session);

    [LoggerMessage(Level = LogLevel.Information, Message = "{Session}: trainer {Pid} started")]
    private static partial void Started(ILogger logger, string session, int pid);

    [LoggerMessage(Level = LogLevel.Information, Message = "{Session}: trainer {Pid} of an earlier agent adopted")]
    private static partial void Adopted(ILogger logger, string session, int pid);

    [LoggerMessage(Level = LogLevel.Information, Message = "{Session}: trainer ended (exit code {Code}, signal {Signal})")]
    private static partial void Ended(ILogger logger, string session, int? code, string? signal);

    [LoggerMessage(Level = LogLevel.Error, Message = "{Session}: trainer could not be started")]
    private static partial void StartFailed(ILogger logger, Exception exception, string session);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Session}: trainer {Pid} does not answer and is killed")]
    private static partial void Silent(ILogger logger, string session, int pid);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Session}: a frame was not understood; the connection is made anew")]
    private static partial void BadFrame(ILogger logger, Exception exception, string session);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Session}: log lines could not be uploaded yet")]
    private static partial void Unshipped(ILogger logger, Exception exception, string session);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Session}: why its trainer is ended could not be written down")]
    private static partial void NotSaved(ILogger logger, Exception exception, string session);
}
