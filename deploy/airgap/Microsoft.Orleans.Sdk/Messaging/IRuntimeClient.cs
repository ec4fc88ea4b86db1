namespace Orleans.Runtime;

/// <summary>The side of a silo or client that sends requests.</summary>
internal interface IRuntimeClient
{
    IGrainTypeMap GrainTypes { get; }

    GrainCallSender Calls { get; }

    /// <summary>Hands a message to its target's activation or to a gateway. Does not throw: failures become responses.</summary>
    void Send(Message message);

    /// <summary>Tells the callee that the caller of a message has given up.</summary>
    void SignalCancellation(Message message);
}

/// <summary>Finds which grain type an interface means.</summary>
internal interface IGrainTypeMap
{
    /// <exception cref="ArgumentException">No grain class, or no single one, implements the interface.</exception>
    GrainType Resolve(Type interfaceType, string? classNamePrefix);
}
