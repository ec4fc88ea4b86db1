using Microsoft.Extensions.Logging;

namespace Orleans.Runtime;

/// <summary>Log messages of the client.</summary>
internal static partial class ClientLog
{
    [LoggerMessage(Level = LogLevel.Information, Message = "Connected to the gateway of silo {Silo}")]
    public static partial void Connected(ILogger logger, SiloAddress silo);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The connection to the gateway of silo {Silo} was lost")]
    public static partial void ConnectionLost(ILogger logger, Exception? exception, SiloAddress silo);
}
