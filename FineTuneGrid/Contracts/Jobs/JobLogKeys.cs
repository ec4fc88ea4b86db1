namespace FineTuneGrid.Contracts.Jobs;

/// <summary>
/// Blobs of what a job's trainers print: <c>{folder}{attempt}.{segment}.txt</c>, in whose ordinal order the lines are in order of time.
/// Each worker of a gang has a folder of its own.
/// </summary>
public static class JobLogKeys
{
    public static string Folder(string jobId, int worker) => worker == 0 ? $"jobs/{jobId}/log/" : $"{OtherWorkers(jobId)}{worker:D4}/";

    /// <summary>Where the folders of all workers but the first are.</summary>
    public static string OtherWorkers(string jobId) => $"jobs/{jobId}/worker-log/";

    public static string Segment(string jobId, int worker, int epoch, int segment) => $"{Folder(jobId, worker)}{epoch:D6}.{segment:D6}.txt";
}
