using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Jobs;
using FineTuneGrid.Contracts.Nodes;

namespace FineTuneGrid.Gateway.Runs;

/// <summary>A slot that can train a job's steps again, and how it differs from where the job belongs.</summary>
public sealed record FreeSlot(NodeAvailability Node, NodeSlot Slot)
{
    /// <exception cref="GridException"><c>unavailable</c>: no such slot is alive, or none is without a job.</exception>
    public static FreeSlot Choose(ResolvedJob job, IReadOnlyList<NodeAvailability> nodes)
    {
        FreeSlot[] slots = [.. nodes.Where(n => n.Alive).OrderBy(n => n.Draining).ThenBy(n => n.NodeId, StringComparer.Ordinal)
            .SelectMany(n => n.Slots.Where(s => IsOf(s, job.Device)).Select(s => new FreeSlot(n, s)))];
        if (slots.Length == 0)
            throw new GridException(ErrorCodes.Unavailable, $"No node with a {job.Device} slot is alive; start one and try again.");
        // Other hardware may well give other bytes, so it is taken only where the job's own is not there at all.
        var fitting = slots.Where(s => s.Slot.Hardware == job.Hardware).ToArray() is { Length: > 0 } own ? own : slots;
        return fitting.Where(s => s.Node.TakenSlots?.Contains(s.Slot.Index) != true).OrderBy(s => s.Node.Build != job.Build).FirstOrDefault()
            ?? throw new GridException(
                ErrorCodes.Unavailable, $"No {job.Device} slot of the job's hardware is free: all {fitting.Length} run jobs, which are not disturbed. Try again when one has ended, or pause one.");
    }

    /// <summary>Why a replay here may give other bytes although nothing is wrong; null where it may not.</summary>
    public string? Note(ResolvedJob job)
    {
        var reasons = new List<string>();
        if (Node.Build != job.Build) reasons.Add($"the replay ran on build {Node.Build}, the job belongs to {job.Build}");
        if (Slot.Hardware != job.Hardware) reasons.Add($"the replay ran on '{Slot.Hardware}', the job belongs to '{job.Hardware}'");
        if (job.Mode != "exact") reasons.Add($"mode {job.Mode} promises a tolerance and not the same bytes");
        return reasons.Count == 0 ? null : string.Join("; ", reasons);
    }

    /// <summary>A job's device is a kind, a slot's may carry a number.</summary>
    private static bool IsOf(NodeSlot slot, string device) => slot.Device == device || slot.Device.StartsWith(device + ":", StringComparison.Ordinal);
}
