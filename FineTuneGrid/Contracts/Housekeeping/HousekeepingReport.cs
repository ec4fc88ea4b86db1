namespace FineTuneGrid.Contracts.Housekeeping;

/// <summary>Removes from the store what nothing references any more. Any number of them may run at once, on any number of silos.</summary>
public interface IHousekeeper
{
    /// <summary>What this process has removed since it started, by kind.</summary>
    IReadOnlyList<HousekeepingKind> Totals { get; }

    /// <param name="dryRun">Only find out what would go.</param>
    Task<HousekeepingReport> RunAsync(bool dryRun, CancellationToken cancellation);
}

/// <summary>What a run removed, or would remove.</summary>
/// <param name="Items">The first of them, at most <see cref="MaxItems"/>; the sums count all.</param>
/// <param name="Problems">What could not be looked at, and why; it stays as it is.</param>
public sealed record HousekeepingReport(
    bool DryRun, DateTimeOffset At, double Seconds, long Blobs, long Bytes,
    IReadOnlyList<HousekeepingKind> Kinds, IReadOnlyList<HousekeepingItem> Items, IReadOnlyList<GridFinding> Problems)
{
    public const int MaxItems = 1000;
}

/// <param name="Kind">One of <see cref="GarbageKinds"/>.</param>
public sealed record HousekeepingKind(string Kind, long Blobs, long Bytes);

public sealed record HousekeepingItem(string Key, string Kind, long Bytes, DateTimeOffset Modified);

/// <summary>Why something goes.</summary>
public static class GarbageKinds
{
    /// <summary>Checkpoints that the last kept ones do not need.</summary>
    public const string Checkpoints = "checkpoints";

    /// <summary>Pieces of files whose sender does not come back, and pushes of adapters that were never committed.</summary>
    public const string Uploads = "uploads";

    /// <summary>Files that a model, data set or adapter no longer names, or never did.</summary>
    public const string Unreferenced = "unreferenced";

    /// <summary>Tokenised forms of data sets for models that are gone, and unfinished ones.</summary>
    public const string Tokens = "tokens";

    /// <summary>Exports that were kept for their time, and unfinished ones. They are made again when they are asked for.</summary>
    public const string Exports = "exports";

    /// <summary>What is left of deleted models, data sets, adapters and jobs.</summary>
    public const string Deleted = "deleted";

    /// <summary>Idempotency keys and the answers kept under them.</summary>
    public const string Idempotency = "idempotency";

    /// <summary>The audit log, where it is older than it is to be kept.</summary>
    public const string Audit = "audit";

    public static readonly IReadOnlyList<string> All = [Checkpoints, Uploads, Unreferenced, Tokens, Exports, Deleted, Idempotency, Audit];
}
