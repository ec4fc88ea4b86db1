using Orleans.CodeGeneration;
using Orleans.Serialization.Invocation;

namespace Orleans.Runtime;

/// <summary>One request on its way to a grain.</summary>
internal sealed class Message
{
    private static readonly TimeSpan NoExpiry = Timeout.InfiniteTimeSpan;
    private readonly long _created = Environment.TickCount64;

    public required long Id { get; init; }

    public required GrainId Sender { get; init; }

    public required GrainId Target { get; init; }

    public required IInvokable Request { get; init; }

    public GrainInterfaceType InterfaceType { get; init; }

    public Dictionary<string, object>? Context { get; init; }

    public InvokeMethodOptions Options { get; init; }

    /// <summary>Who waits for the response; null for one-way requests.</summary>
    public IResponseSink? Sink { get; init; }

    public TimeSpan TimeToLive { get; init; } = NoExpiry;

    /// <summary>Timer ticks belong to one activation: they are neither forwarded nor answered.</summary>
    public bool IsLocalOnly { get; init; }

    /// <summary>Whether the request counts as activity for idle collection.</summary>
    public bool IsKeepAlive { get; init; } = true;

    public bool IsOneWay => (Options & InvokeMethodOptions.OneWay) != 0;

    public bool IsReadOnly => (Options & InvokeMethodOptions.ReadOnly) != 0;

    public bool IsAlwaysInterleave => (Options & InvokeMethodOptions.AlwaysInterleave) != 0;

    /// <summary>Whether the caller has given up by now.</summary>
    public bool IsExpired => TimeToLive != NoExpiry && Environment.TickCount64 - _created > TimeToLive.TotalMilliseconds;

    public Guid ReentrancyId => RequestContext.GetReentrancyId(Context);

    public override string ToString() => $"{(IsOneWay ? "OneWay" : "Request")} [{Sender}]->[{Target}] {Request} #{Id}";
}

/// <summary>Receives the response to a message: the local caller, or the connection to a remote one.</summary>
internal interface IResponseSink
{
    void Receive(Message request, Response response);
}
