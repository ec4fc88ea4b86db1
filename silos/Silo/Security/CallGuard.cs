using System.Security.Cryptography;
using System.Text;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Grains;
using Orleans;
using Orleans.Runtime;

namespace FineTuneGrid.Silo;

/// <summary>
/// Who may call a grain: the cluster itself, whose silos stamp every call they make, or a node agent with its token, which
/// reaches its own node's grain and no other. Clients connect to a port without a key, so everything else is refused here.
/// </summary>
public sealed class IncomingCallGuard(NodeTokens tokens, TimeProvider time) : IIncomingGrainCallFilter
{
    private static readonly string NodeInterface = typeof(INodeGrain).FullName!;
    private readonly byte[] _stamp = Encoding.ASCII.GetBytes(tokens.ClusterStamp());

    public Task Invoke(IIncomingGrainCallContext context)
    {
        // The runtime's own services have no reference that an application could ask for.
        if (!context.TargetId.IsSystemTarget() && !IsTimer(context) && !IsOwn())
            RequireNode(context);
        return context.Invoke();
    }

    /// <summary>A tick is an object of this process that is its own target, which nothing that came over a connection can be.</summary>
    private static bool IsTimer(IIncomingGrainCallContext context) => ReferenceEquals(context.Request.GetTarget(), context.Request);

    private bool IsOwn() =>
        RequestContext.Get(OutgoingCallStamp.ContextKey) is string stamp && CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(stamp), _stamp);

    private void RequireNode(IIncomingGrainCallContext context)
    {
        if (RequestContext.Get(NodeTokens.ContextKey) is not string token)
            throw new GridException(ErrorCodes.Unauthenticated, "This call needs a node token.");
        var node = tokens.Verify(token, time.GetUtcNow());
        if (context.InterfaceMethod?.DeclaringType?.FullName != NodeInterface || context.TargetId.Key.ToString() != node)
            throw new GridException(ErrorCodes.Forbidden, $"The token of node '{node}' does not reach {context.TargetId}.");
        if (!AgentMethods.Contains(context.InterfaceMethod.Name))
            throw new GridException(ErrorCodes.Forbidden, $"A node may not call {context.InterfaceMethod.Name}.");
    }

    /// <summary>What an agent does; the rest of the interface is for the control plane.</summary>
    private static readonly HashSet<string> AgentMethods =
        [nameof(INodeGrain.Register), nameof(INodeGrain.Renew), nameof(INodeGrain.Poll), nameof(INodeGrain.Report), nameof(INodeGrain.Say), nameof(INodeGrain.Goodbye), nameof(INodeGrain.Get)];
}

/// <summary>Stamps the calls that this silo's grains and its in-process clients make.</summary>
public sealed class OutgoingCallStamp(NodeTokens tokens) : IOutgoingGrainCallFilter
{
    public const string ContextKey = "ftg-cluster";

    private readonly string _stamp = tokens.ClusterStamp();

    public Task Invoke(IOutgoingGrainCallContext context)
    {
        RequestContext.Set(ContextKey, _stamp);
        return context.Invoke();
    }
}
