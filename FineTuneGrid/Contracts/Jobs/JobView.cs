namespace FineTuneGrid.Contracts.Jobs;

/// <summary>A job as REST, the CLI and the pages show it.</summary>
public sealed record JobView
{
    public required string Id { get; init; }

    public string? Name { get; init; }

    public required string Org { get; init; }

    public required JobStatus Status { get; init; }

    /// <summary><c>org/name</c>.</summary>
    public required string Adapter { get; init; }

    /// <summary>The registered version, bare (<c>1</c>, <c>2</c> ...), once the job has succeeded.</summary>
    public string? AdapterVersion { get; init; }

    /// <summary>The spec with every default filled in.</summary>
    public required JobSpec Spec { get; init; }

    /// <summary>What submit decided; null while validating.</summary>
    public ResolvedJob? Resolved { get; init; }

    public required JobProgress Progress { get; init; }

    /// <summary>Why the job waits; null where it does not.</summary>
    public WaitReason? Waiting { get; init; }

    public GridError? Error { get; init; }

    /// <summary>How often a trainer was started for it.</summary>
    public int Attempt { get; init; }

    /// <summary>Where its worker runs, or the first one of several.</summary>
    public string? Node { get; init; }

    /// <summary>Its workers, in order of rank; null while it holds no slot.</summary>
    public IReadOnlyList<JobWorkerView>? Workers { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public DateTimeOffset? StartedAt { get; init; }

    public DateTimeOffset? FinishedAt { get; init; }

    /// <summary>Tokens that the result was trained on; null until the training has finished.</summary>
    public long? TrainedTokens { get; init; }

    /// <summary>What was asked for by OpenAI's API; null for a job of another door.</summary>
    public OpenAiOrigin? OpenAi { get; init; }
}

public sealed record JobWorkerView(int Rank, string Node, int Slot);

/// <summary>Everything that decides the bytes of the result, besides the spec itself. Part of the job's identity.</summary>
public sealed record ResolvedJob
{
    /// <summary>Null where the job starts from random weights.</summary>
    public string? ModelId { get; init; }

    public string? ModelDigest { get; init; }

    /// <summary>The model whose tokenizer and template rendered the data.</summary>
    public required string TokenizerModelId { get; init; }

    public required string TrainDatasetId { get; init; }

    public required string TrainTokensKey { get; init; }

    public required string TrainTokensDigest { get; init; }

    public string? ValidationDatasetId { get; init; }

    public string? ValidationTokensKey { get; init; }

    public string? InitAdapterId { get; init; }

    public string? InitAdapterVersion { get; init; }

    public required string Format { get; init; }

    public required string Device { get; init; }

    public required string Precision { get; init; }

    public required string Mode { get; init; }

    /// <summary>Intra-op threads.</summary>
    public required int Threads { get; init; }

    public required int MicroBatchTokens { get; init; }

    /// <summary>Product build that trains it, and the CPU or GPU features it was resolved on.</summary>
    public required string Build { get; init; }

    public required string Hardware { get; init; }

    public required int TotalSteps { get; init; }

    public required long TrainExamples { get; init; }

    public required long TrainTokens { get; init; }

    public required long TrainableParameters { get; init; }

    public required long MemoryBytes { get; init; }

    /// <summary>Of <see cref="MemoryBytes"/>, the frozen base, which jobs of one session share; null where an older build planned the job.</summary>
    public long? WeightBytes { get; init; }

    /// <summary>Estimated seconds of training on the slowest eligible device; refined by measurement.</summary>
    public double EstimatedSeconds { get; init; }

    /// <summary>The classes that a classifier tells apart, by their ids; null for other jobs.</summary>
    public IReadOnlyList<string>? Classes { get; init; }

    /// <summary>Which servers will load the adapter; null where there is none, or where an older build planned the job.</summary>
    public IReadOnlyList<ServeFinding>? Serving { get; init; }
}

public sealed record JobProgress
{
    public int Step { get; init; }

    public int TotalSteps { get; init; }

    /// <summary>The last step that a restart would resume from.</summary>
    public int CommittedStep { get; init; }

    /// <summary>Passes over the data, fractional.</summary>
    public double Epoch { get; init; }

    public long Tokens { get; init; }

    public double? TokensPerSecond { get; init; }

    public double? EtaSeconds { get; init; }

    public double? TrainLoss { get; init; }

    public double? ValidLoss { get; init; }

    /// <summary>Of the last evaluation, where the job trains a classifier.</summary>
    public ClassScores? Valid { get; init; }
}

/// <summary>Why a job waits, in words, and what would start it.</summary>
public sealed record WaitReason(string Code, string Text, string? Hint = null);
