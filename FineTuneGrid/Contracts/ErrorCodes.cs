namespace FineTuneGrid.Contracts;

/// <summary>Stable error codes. Clients may switch on them; texts may change, codes may not.</summary>
public static class ErrorCodes
{
    // Input (400, 413, 422).
    public const string InvalidRequest = "invalid_request";
    public const string UnknownField = "unknown_field";
    public const string InvalidValue = "invalid_value";
    public const string MissingField = "missing_field";
    public const string InvalidSpec = "invalid_spec";
    public const string InvalidModel = "invalid_model";
    public const string InvalidTokenizer = "invalid_tokenizer";
    public const string InvalidTemplate = "invalid_template";
    public const string InvalidDataset = "invalid_dataset";
    public const string InvalidParquet = "invalid_parquet";
    public const string InvalidJson = "invalid_json";
    public const string InvalidSafetensors = "invalid_safetensors";
    public const string InvalidAdapter = "invalid_adapter";
    public const string UnsupportedModel = "unsupported_model";
    public const string EmptyDataset = "empty_dataset";
    public const string NoTrainableTokens = "no_trainable_tokens";
    public const string SequenceTooLong = "sequence_too_long";
    public const string TooLarge = "too_large";
    public const string DigestMismatch = "digest_mismatch";

    // Identity (401, 403, 404).
    public const string Unauthenticated = "unauthenticated";
    public const string Forbidden = "forbidden";
    public const string NotFound = "not_found";
    public const string LicenseRefused = "license_refused";

    // State (409, 412, 416).
    public const string Conflict = "conflict";
    public const string AlreadyExists = "already_exists";
    public const string InUse = "in_use";
    public const string QuotaExceeded = "quota_exceeded";
    public const string PreconditionFailed = "precondition_failed";
    public const string IdempotencyMismatch = "idempotency_mismatch";

    // Capacity (429, 503, 507).
    public const string RateLimited = "rate_limited";
    public const string Unavailable = "unavailable";
    public const string InsufficientStorage = "insufficient_storage";
    public const string OutOfMemory = "out_of_memory";

    // Runs.
    public const string Fenced = "fenced";
    public const string LeaseLost = "lease_lost";
    public const string TrainerCrashed = "trainer_crashed";
    public const string NodeLost = "node_lost";
    public const string GangBroken = "gang_broken";
    public const string Diverged = "diverged";
    public const string CorruptCheckpoint = "corrupt_checkpoint";
    public const string GateFailed = "gate_failed";
    public const string Internal = "internal_error";
}
