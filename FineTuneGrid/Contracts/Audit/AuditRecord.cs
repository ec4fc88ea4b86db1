namespace FineTuneGrid.Contracts.Audit;

/// <summary>What became of a request for a change.</summary>
public enum AuditOutcome
{
    /// <summary>Answered with success.</summary>
    Done,

    /// <summary>Refused (4xx): nothing was changed.</summary>
    Refused,

    /// <summary>Failed (5xx): whether something was changed is not known.</summary>
    Failed,
}

/// <summary>One line of the audit log: one request that asked for a change, by a caller who was known.</summary>
/// <param name="Key">The id of the key that was used.</param>
/// <param name="Org">The key's organisation; null for an admin of the installation.</param>
/// <param name="Route">Method and route, such as <c>POST /api/v1/jobs/{id}/cancel</c>.</param>
/// <param name="Object">What the change was of.</param>
/// <param name="Status">Of the answer; 499 where the caller had gone before there was one.</param>
/// <param name="RequestId">The trace id that an answer and the server's log carry too.</param>
public sealed record AuditRecord(DateTimeOffset At, string Key, string? Org, string Route, string Object, int Status, string RequestId)
{
    public const int CallerGone = 499;

    /// <summary>Root of the log's blobs: <c>audit/{yyyyMMdd}/{HHmmssfffffff}-{unique}.jsonl</c>, written once, by when they were written.</summary>
    public const string Root = "audit/";

    public AuditOutcome Outcome => Status switch
    {
        CallerGone => AuditOutcome.Failed,
        < 400 => AuditOutcome.Done,
        < 500 => AuditOutcome.Refused,
        _ => AuditOutcome.Failed,
    };
}
