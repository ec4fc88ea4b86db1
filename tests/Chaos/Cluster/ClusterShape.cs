namespace FineTuneGrid.Chaos;

/// <param name="Silos">Control processes; more than one needs Redis and the real packages.</param>
internal sealed record ClusterShape(int Silos, int Nodes)
{
    /// <summary>With several silos longer than it takes to find a dead one, so that trainers step on meanwhile.</summary>
    public TimeSpan Lease => TimeSpan.FromSeconds(Silos == 1 ? 6 : 20);
}
