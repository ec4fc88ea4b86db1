namespace Orleans.Dashboard;

/// <summary>What the dashboard keeps and shows.</summary>
public sealed class DashboardOptions
{
    /// <summary>How often counters are sampled, in milliseconds. Default and minimum: 1000.</summary>
    public int CounterUpdateIntervalMs { get; set; } = 1000;

    /// <summary>How many samples are kept. Default: 100.</summary>
    public int HistoryLength { get; set; } = 100;

    /// <summary>Whether the log stream is hidden. This dashboard has none.</summary>
    public bool HideTrace { get; set; }
}
