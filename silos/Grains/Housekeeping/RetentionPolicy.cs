namespace FineTuneGrid.Grains.Housekeeping;

/// <summary>How long what nothing references stays.</summary>
public sealed record RetentionPolicy
{
    /// <summary>How often housekeeping runs. Default: 1 h.</summary>
    public TimeSpan Every { get; init; } = TimeSpan.FromHours(1);

    /// <summary>Above the longest time between the writing of a file and that of the state which names it. Default: 24 h.</summary>
    public TimeSpan Unreferenced { get; init; } = TimeSpan.FromHours(24);

    /// <summary>After the last piece of an upload, or the last file of a push. Default: 7 days.</summary>
    public TimeSpan Uploads { get; init; } = TimeSpan.FromDays(7);

    /// <summary>After the last part of a file that comes in parts: above the hour for which it may. Default: 2 h.</summary>
    public TimeSpan OpenUploads { get; init; } = TimeSpan.FromHours(2);

    /// <summary>Models and adapters in other formats, after they were written. Default: 7 days.</summary>
    public TimeSpan Exports { get; init; } = TimeSpan.FromDays(7);

    /// <summary>Checkpoints that are younger stay: above the longest lease. Default: 2 h.</summary>
    public TimeSpan Checkpoints { get; init; } = TimeSpan.FromHours(2);

    /// <summary>What an Idempotency-Key stands for. Default: 24 h.</summary>
    public TimeSpan IdempotencyClaims { get; init; } = TimeSpan.FromHours(24);

    /// <summary>Answers kept under an Idempotency-Key. Default: 48 h, since they are kept for the day on which they were given and the next.</summary>
    public TimeSpan IdempotencyReplies { get; init; } = TimeSpan.FromHours(48);

    /// <summary>The audit log. Default: 400 days.</summary>
    public TimeSpan Audit { get; init; } = TimeSpan.FromDays(400);
}
