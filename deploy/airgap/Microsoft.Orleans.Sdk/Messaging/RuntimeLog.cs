using Microsoft.Extensions.Logging;

namespace Orleans.Runtime;

/// <summary>Log messages shared by silo and client.</summary>
internal static partial class RuntimeLog
{
    [LoggerMessage(Level = LogLevel.Warning, Message = "{Observer} failed to stop at stage {Stage}")]
    public static partial void LifecycleStopFailed(ILogger logger, Exception exception, string observer, int stage);

    [LoggerMessage(Level = LogLevel.Warning, Message = "No response within {Timeout} to {Message}")]
    public static partial void CallTimedOut(ILogger logger, TimeSpan timeout, string message);
}
