namespace FineTuneGrid.Chaos;

/// <summary>How a moment shows at the blob storage's door. Told for the one job that is under way.</summary>
internal static class MomentTraps
{
    /// <summary>Null for moments that the job's own events tell of.</summary>
    public static Trap? Of(Cell cell, Random random) => cell.Moment switch
    {
        Moment.Starting => Starting(cell.Victim != Victim.Trainer && random.Next(2) == 0),
        Moment.MidUpload => MidUpload(commitsBefore: random.Next(3), part: random.Next(2)),
        Moment.BeforeCommit => BeforeCommit(commitsBefore: random.Next(3)),
        Moment.Publishing => Publishing(writesBefore: random.Next(3)),
        _ => null,
    };

    /// <summary>The silo fences the job's head for the new epoch, or the trainer has got its order and looks where to begin.</summary>
    private static Trap Starting(bool atTheFence) => new(r => IsHead(r) && (atTheFence ? r.IsPut && !r.Signed : r.Method == "GET" && r.Signed));

    /// <summary>Half of a part's bytes are there.</summary>
    private static Trap MidUpload(int commitsBefore, int part)
    {
        var (commits, parts) = (0, 0);
        return new Trap(
            r =>
            {
                if (IsManifest(r)) commits++;
                return commits >= commitsBefore && r is { IsPut: true, Signed: true } && r.Path.Contains("/checkpoints/parts/", StringComparison.Ordinal) && parts++ == part;
            },
            halfway: true);
    }

    /// <summary>Parts and manifest are written; the head still names the commit before.</summary>
    private static Trap BeforeCommit(int commitsBefore)
    {
        var commits = 0;
        return new Trap(r =>
        {
            if (IsManifest(r)) commits++;
            return commits > commitsBefore && r is { IsPut: true, Signed: true } && IsHead(r);
        });
    }

    /// <summary>A file of the version, or the registry's record of it, is about to be written.</summary>
    private static Trap Publishing(int writesBefore)
    {
        var writes = 0;
        return new Trap(r => r.IsPut && (r.Path.Contains("/adapters/", StringComparison.Ordinal) || r.Path.Contains("/grains/adapter/", StringComparison.Ordinal)) && writes++ == writesBefore);
    }

    private static bool IsHead(StoreRequest request) => request.Path.Contains("/jobs/", StringComparison.Ordinal) && request.Path.EndsWith("/head", StringComparison.Ordinal);

    private static bool IsManifest(StoreRequest request) =>
        request is { IsPut: true, Signed: true } && request.Path.Contains("/checkpoints/", StringComparison.Ordinal) && request.Path.EndsWith(".json", StringComparison.Ordinal);
}
