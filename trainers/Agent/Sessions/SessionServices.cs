using FineTuneGrid.Contracts.Nodes;
using FineTuneGrid.Storage;
using Microsoft.Extensions.Logging;

namespace FineTuneGrid.Agent.Sessions;

/// <summary>What every session of an agent shares.</summary>
/// <param name="LeaseSeconds">The length of a lease as the control plane grants it, less the margin.</param>
internal sealed record SessionServices(
    AgentOptions Options,
    IReadOnlyList<NodeSlot> Slots,
    IBlobStore Store,
    ReportPump Reports,
    Func<double> LeaseSeconds,
    TimeProvider Time,
    ILogger Logger);
