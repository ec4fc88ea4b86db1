namespace FineTuneGrid.Storage;

/// <summary>One named part of a checkpoint to be written. Its content is read twice (digest, then upload), so it is opened, not handed over.</summary>
/// <param name="Name">1 to 100 of <c>[A-Za-z0-9._-]</c>, for example <c>adapter.safetensors</c>.</param>
/// <param name="Open">A stream of the content from its start; the same bytes each time.</param>
public sealed record CheckpointPart(string Name, Func<Stream> Open)
{
    public CheckpointPart(string name, ReadOnlyMemory<byte> bytes)
        : this(name, () => new ReadOnlyMemoryStream(bytes))
    {
    }

    /// <summary>Length and digest, where they are known already. Like any others they are held against what was written.</summary>
    public CheckpointPartInfo? Info { get; init; }

    /// <summary>Another process writes the part (<see cref="CheckpointStore.WritePartAsync"/>): a commit waits for it. Ends the wait.</summary>
    public CancellationToken? Awaited { get; private init; }

    /// <param name="giveUp">Ends a commit's wait: the part will not come.</param>
    public static CheckpointPart FromElsewhere(CheckpointPartInfo info, CancellationToken giveUp) =>
        new(info.Name, () => throw new InvalidOperationException($"the part '{info.Name}' is not here")) { Info = info, Awaited = giveUp };

    /// <summary>The part with its <see cref="Info"/>.</summary>
    public async Task<CheckpointPart> DescribedAsync(CancellationToken cancellation = default) =>
        Info is null ? this with { Info = await CheckpointBlobs.DescribeAsync(this, cancellation) } : this;
}
