namespace FineTuneGrid.Chaos;

/// <param name="Silos">Control processes; more than one needs Redis and the real packages.</param>
/// <param name="SmallDisks">Each machine's own files lie on a disk that can be filled.</param>
internal sealed record ClusterShape(int Silos, int Nodes, bool SmallDisks = false)
{
    /// <summary>Agents that find their silos in Redis go to where those say they are, past any relay.</summary>
    public bool HasLinks => Silos == 1;

    /// <summary>With several silos the shortest that is allowed: longer than it takes to find a dead one.</summary>
    public TimeSpan Lease => TimeSpan.FromSeconds(Silos == 1 ? 6 : 30);
}
