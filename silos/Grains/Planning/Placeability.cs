using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Jobs;
using FineTuneGrid.Contracts.Nodes;

namespace FineTuneGrid.Grains.Planning;

/// <summary>The slot that a job is resolved for, and what follows from it: device, precision, mode, threads.</summary>
public sealed record Placeability(NodeAvailability Node, NodeSlot Slot, string Device, string Precision, string Mode)
{
    private const string Cpu = "cpu";
    private const string Cuda = "cuda";

    /// <summary>
    /// A place, or the refusal (<c>unavailable</c>): no node of that device kind, or that can run one of several workers, is alive;
    /// trying again later can help.
    /// </summary>
    public static (Placeability? Place, GridException? Refusal) Find(JobSpec spec, IReadOnlyList<NodeAvailability> nodes)
    {
        var slots = nodes.Where(n => n.Alive).OrderBy(n => n.Draining).ThenBy(n => n.NodeId, StringComparer.Ordinal)
            .SelectMany(n => n.Slots.Select(s => (Node: n, Slot: s))).ToList();
        var wanted = spec.Resources.Device;
        var device = wanted != "auto" ? wanted : slots.Any(s => KindOf(s.Slot) == Cuda) ? Cuda : Cpu;
        var (node, slot) = slots.FirstOrDefault(s => KindOf(s.Slot) == device);
        if (node is null)
            return (null, new GridException(ErrorCodes.Unavailable, $"No node with a {device} slot is alive; the job waits for one.", "resources.device"));
        var gang = spec.Resources.Workers > 1;
        if (gang)
            (node, slot) = slots.FirstOrDefault(s => KindOf(s.Slot) == device && s.Node.Features?.Contains(NodeFeatures.Collectives) == true);
        if (node is null)
            return (null, new GridException(ErrorCodes.Unavailable,
                $"resources.workers is {spec.Resources.Workers}, but no living node with a {device} slot has the native collectives; the job waits for one (or use 1 worker).",
                "resources.workers"));
        var mode = spec.Mode ?? (device == Cpu || gang ? "exact" : "fast");
        var precision = spec.Precision != "auto" ? spec.Precision : mode == "fast" && device == Cuda ? "bf16" : "fp32";
        return (new Placeability(node, slot, device, precision, mode), null);
    }

    /// <summary>The kind of a slot's device: <c>cuda:1</c> is cuda.</summary>
    public static string KindOf(NodeSlot slot) => slot.Device.StartsWith(Cuda, StringComparison.Ordinal) ? Cuda : Cpu;
}
