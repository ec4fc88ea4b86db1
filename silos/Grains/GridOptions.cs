using FineTuneGrid.Contracts.Licensing;
using FineTuneGrid.Grains.Housekeeping;
using FineTuneGrid.Scheduling;

namespace FineTuneGrid.Grains;

/// <summary>Times and limits of the control plane.</summary>
public sealed class GridOptions
{
    /// <summary>How long a node may work without hearing from its grain. Default: 15 s.</summary>
    public TimeSpan NodeLease { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>How often a node renews its lease; at most a third of it. Default: 3 s.</summary>
    public TimeSpan NodeRenew { get; set; } = TimeSpan.FromSeconds(3);

    /// <summary>The pool's tick. Default: 1 s.</summary>
    public TimeSpan PoolTick { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>How often the pool asks every live job where it stands. Default: 15 s.</summary>
    public TimeSpan WakeEvery { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>How many jobs are woken at once. Default: 16.</summary>
    public int WakeConcurrency { get; set; } = 16;

    /// <summary>A stopped job that its trainer does not leave within this time loses its session. Default: 2 min.</summary>
    public TimeSpan StopPatience { get; set; } = TimeSpan.FromMinutes(2);

    /// <summary>First wait before an effect is tried again; doubled up to 30 s. Default: 1 s.</summary>
    public TimeSpan EffectRetry { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>How long what nothing references stays.</summary>
    public RetentionPolicy Retention { get; set; } = new();

    /// <summary>Which licences of base and data may go together. Default: all.</summary>
    public LicensePolicy Licenses { get; set; } = LicensePolicy.AllowAll;

    /// <summary>Policy figures of the scheduler.</summary>
    public SchedulerOptions Scheduler { get; set; } = new();

    /// <summary>Build of this installation, recorded in every result.</summary>
    public string Build { get; set; } = typeof(GridOptions).Assembly.GetName().Version?.ToString(3) ?? "0";
}
