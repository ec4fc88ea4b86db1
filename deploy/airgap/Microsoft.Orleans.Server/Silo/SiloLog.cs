using Microsoft.Extensions.Logging;

namespace Orleans.Runtime;

/// <summary>Log messages of the silo.</summary>
internal static partial class SiloLog
{
    [LoggerMessage(Level = LogLevel.Information, Message = "Silo {Name} started at {Address}, gateway {Gateway}")]
    public static partial void Started(ILogger logger, string name, SiloAddress address, SiloAddress? gateway);

    [LoggerMessage(Level = LogLevel.Information, Message = "Silo {Name} stopped")]
    public static partial void Stopped(ILogger logger, string name);

    [LoggerMessage(Level = LogLevel.Error, Message = "A turn of grain {GrainId} failed")]
    public static partial void TurnFailed(ILogger logger, Exception exception, GrainId grainId);

    [LoggerMessage(Level = LogLevel.Error, Message = "Grain {GrainId} failed to activate")]
    public static partial void ActivationFailed(ILogger logger, Exception exception, GrainId grainId);

    [LoggerMessage(Level = LogLevel.Error, Message = "Grain {GrainId} failed to deactivate in good order")]
    public static partial void DeactivationFailed(ILogger logger, Exception exception, GrainId grainId);

    [LoggerMessage(Level = LogLevel.Warning, Message = "A timer callback of grain {GrainId} failed")]
    public static partial void TimerFailed(ILogger logger, Exception exception, GrainId grainId);

    [LoggerMessage(Level = LogLevel.Debug, Message = "The call {Message} failed")]
    public static partial void CallFailed(ILogger logger, Exception exception, string message);

    [LoggerMessage(Level = LogLevel.Error, Message = "The call {Message} could not be answered")]
    public static partial void CallNotAnswered(ILogger logger, Exception exception, string message);

    [LoggerMessage(Level = LogLevel.Error, Message = "Storage {Storage} failed during {Operation} of state {State} of grain {GrainId}")]
    public static partial void StorageFailed(
        ILogger logger, Exception exception, string storage, string operation, string state, GrainId grainId);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The gateway connection of {Remote} was closed: {Reason}")]
    public static partial void GatewayConnectionFailed(ILogger logger, Exception exception, string remote, string reason);

    [LoggerMessage(Level = LogLevel.Debug, Message = "Client {Client} connected from {Remote}")]
    public static partial void ClientConnected(ILogger logger, GrainId client, string remote);

    [LoggerMessage(Level = LogLevel.Debug, Message = "Client {Client} disconnected")]
    public static partial void ClientDisconnected(ILogger logger, GrainId client);
}
