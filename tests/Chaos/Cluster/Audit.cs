namespace FineTuneGrid.Chaos;

/// <summary>One accepted job as it ended.</summary>
/// <param name="Digests">SHA-256 of the weights of every version that was registered under the job's own adapter name.</param>
/// <param name="Steps">The steps that its metrics tell of, in order.</param>
/// <param name="Checkpoints">Step and samples consumed of the kept checkpoints, in order.</param>
internal sealed record EndedJob(
    string Id, string Adapter, string Status, string Expected, IReadOnlyList<string> Digests, IReadOnlyList<int> Steps, IReadOnlyList<(int Step, long Samples)> Checkpoints);

/// <summary>The cluster once everything is over.</summary>
/// <param name="Placed">Slots that the scheduler believes to be held.</param>
/// <param name="Left">Processes that nobody looks after any more.</param>
internal sealed record EndedCluster(int LiveNodes, int ExpectedNodes, int Placed, int Waiting, IReadOnlyList<string> Left);

/// <summary>What must hold whatever was killed.</summary>
internal static class Audit
{
    /// <summary>Broken promises, in words; none where all is well.</summary>
    /// <param name="accepted">Ids that the grid has answered a submission with.</param>
    public static IReadOnlyList<string> Check(IReadOnlyCollection<string> accepted, IReadOnlyCollection<EndedJob> jobs, EndedCluster cluster, int steps, int batchSize)
    {
        var broken = new List<string>();
        foreach (var lost in accepted.Except(jobs.Select(j => j.Id))) broken.Add($"{lost} was accepted and is gone");
        if (accepted.Count != accepted.Distinct().Count()) broken.Add("two submissions under different keys got one job");
        broken.AddRange(CheckJobs(jobs, steps, batchSize));
        broken.AddRange(CheckCluster(cluster));
        return broken;
    }

    public static IReadOnlyList<string> CheckJobs(IEnumerable<EndedJob> jobs, int steps, int batchSize) =>
        [.. jobs.SelectMany(job => Check(job, steps, batchSize).Select(why => $"{job.Id} ({job.Adapter}): {why}"))];

    public static IReadOnlyList<string> CheckCluster(EndedCluster cluster)
    {
        var broken = new List<string>();
        if (cluster.LiveNodes != cluster.ExpectedNodes) broken.Add($"{cluster.LiveNodes} of {cluster.ExpectedNodes} nodes are alive at the end");
        if (cluster.Placed != 0) broken.Add($"{cluster.Placed} slots are held by nobody");
        if (cluster.Waiting != 0) broken.Add($"{cluster.Waiting} jobs wait although all have ended");
        if (cluster.Left.Count > 0) broken.Add($"processes that should be gone: {string.Join(", ", cluster.Left)}");
        return broken;
    }

    private static IEnumerable<string> Check(EndedJob job, int steps, int batchSize)
    {
        if (job.Status != "succeeded") yield return $"it ended as {job.Status}";
        if (job.Digests.Count != 1) yield return $"{job.Digests.Count} versions were registered";
        foreach (var digest in job.Digests.Where(d => d != job.Expected)) yield return $"its adapter is {digest}, undisturbed it is {job.Expected}";
        if (!job.Steps.SequenceEqual(Enumerable.Range(1, steps))) yield return $"its metrics do not show each of {steps} steps once and in order: {string.Join(" ", job.Steps)}";
        if (job.Checkpoints.Count == 0 || job.Checkpoints[^1].Step != steps) yield return "its last step is not committed";
        foreach (var (step, samples) in job.Checkpoints.Where(c => c.Samples != (long)c.Step * batchSize))
            yield return $"the checkpoint of step {step} has consumed {samples} samples instead of {(long)step * batchSize}";
    }
}
