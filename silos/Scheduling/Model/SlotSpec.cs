namespace FineTuneGrid.Scheduling;

/// <summary>What a slot computes on.</summary>
public enum SlotDevice
{
    Cpu,
    Cuda,
}

/// <summary>One place for one trainer process on a node.</summary>
/// <param name="Device">What it computes on.</param>
/// <param name="MemoryBytes">Memory that the session in it may use: device memory for cuda, main memory for cpu.</param>
/// <param name="Threads">Threads that its trainer may use.</param>
/// <param name="MaxJobs">How many jobs may share the session in it.</param>
public sealed record SlotSpec(SlotDevice Device, long MemoryBytes, int Threads, int MaxJobs = 8);

/// <summary>The address of a slot: a node and the index of the slot on it.</summary>
public readonly record struct SlotRef(string Node, int Slot) : IComparable<SlotRef>
{
    public int CompareTo(SlotRef other)
    {
        var byNode = string.CompareOrdinal(Node, other.Node);
        return byNode != 0 ? byNode : Slot.CompareTo(other.Slot);
    }

    public override string ToString() => $"{Node}/{Slot}";
}
