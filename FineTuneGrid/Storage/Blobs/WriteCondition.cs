namespace FineTuneGrid.Storage;

/// <summary>What must hold of the key at the moment of a write; the default value demands nothing.</summary>
public readonly record struct WriteCondition
{
    private WriteCondition(bool mustBeAbsent, string? etag)
    {
        MustBeAbsent = mustBeAbsent;
        ETag = etag;
    }

    /// <summary>Write whatever is there.</summary>
    public static WriteCondition None => default;

    /// <summary>Write only where nothing is.</summary>
    public static WriteCondition IfAbsent => new(mustBeAbsent: true, etag: null);

    public bool MustBeAbsent { get; }

    /// <summary>The ETag that the blob must have, or null.</summary>
    public string? ETag { get; }

    /// <summary>Write only over the version with this ETag; an absent blob is a conflict.</summary>
    public static WriteCondition IfMatch(string etag)
    {
        ArgumentException.ThrowIfNullOrEmpty(etag);
        return new(mustBeAbsent: false, etag);
    }

    /// <summary>Replace exactly what was read: <see cref="IfMatch"/> of its ETag, or <see cref="IfAbsent"/> for null.</summary>
    public static WriteCondition Replacing(BlobInfo? read) => read is null ? IfAbsent : IfMatch(read.ETag);

    public override string ToString() => MustBeAbsent ? "if absent" : ETag is null ? "unconditional" : $"if match {ETag}";
}
