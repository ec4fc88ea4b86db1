namespace FineTuneGrid.Contracts.Nodes;

/// <summary>One silo of the control plane, in one of its lives.</summary>
/// <param name="Address"><c>ip:port@generation</c>: a silo that starts again has another generation.</param>
/// <param name="Status"><c>joining</c>, <c>active</c>, <c>shuttingdown</c>, <c>stopping</c> or <c>dead</c>.</param>
/// <param name="GatewayPort">Where node agents connect; 0 where they cannot.</param>
/// <param name="Heartbeat">When it last said that it is alive.</param>
/// <param name="Stale">Its heartbeat is overdue: it is dead, cut off or stopped.</param>
/// <param name="Self">The silo that answers.</param>
public sealed record ClusterMember(
    string Address, string Name, string Host, string Status, int GatewayPort, DateTimeOffset Started, DateTimeOffset Heartbeat, bool Stale, bool Self);
