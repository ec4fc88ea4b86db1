using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Nodes;
using FineTuneGrid.Contracts.Training;

namespace FineTuneGrid.Agent.Sessions;

/// <summary>
/// One session on disk: everything that a later agent needs to go on with a trainer that it did not start, or to tell the
/// control plane which jobs went down with it.
/// </summary>
internal sealed class SessionFolder(string path)
{
    /// <summary>What outlives one trainer process of the session.</summary>
    /// <param name="LastSeq">The highest report number seen: a restarted process counts on from it.</param>
    private sealed record Counter(long LastSeq);

    public string Path { get; } = path;

    public string SessionId => System.IO.Path.GetFileName(Path);

    public string SessionFile => In(TrainerProtocol.SessionFile);

    public string Socket => In(TrainerProtocol.SocketName);

    public string LogFile => In("trainer.log");

    public string LogCursorFile => In("log.json");

    /// <summary>Exists from just before a process is started: without it, none ever was.</summary>
    private string StartedFile => In("started");

    private string PlacementFile => In("placement.json");

    private string CounterFile => In("counter.json");

    private string AskedFile => In("asked.json");

    private string OrdersDirectory => In("orders");

    private string StopsDirectory => In("stops");

    public bool WasStarted => File.Exists(StartedFile);

    public TrainerSession? Session => AtomicFile.TryRead<TrainerSession>(SessionFile);

    public TrainerIdentity? Identity => AtomicFile.TryRead<TrainerIdentity>(In(TrainerProtocol.ProcessFile));

    public TrainerExit? Exit => AtomicFile.TryRead<TrainerExit>(In(TrainerProtocol.ExitFile));

    public SessionPlacement? Placement => AtomicFile.TryRead<SessionPlacement>(PlacementFile);

    /// <summary>Why an agent ended the process; null where none did.</summary>
    public GridError? Asked => AtomicFile.TryRead<GridError>(AskedFile);

    public long LastSeq => AtomicFile.TryRead<Counter>(CounterFile)?.LastSeq ?? 0;

    public void Create(SessionPlacement placement)
    {
        AtomicFile.MakePrivateDirectory(Path);
        AtomicFile.MakePrivateDirectory(OrdersDirectory);
        AtomicFile.MakePrivateDirectory(StopsDirectory);
        AtomicFile.Write(PlacementFile, placement);
    }

    /// <summary>Removes what belongs to the last process, and keeps orders, stops and the log.</summary>
    public void PrepareStart(TrainerSession session)
    {
        foreach (var name in new[] { TrainerProtocol.ProcessFile, TrainerProtocol.ExitFile, TrainerProtocol.SocketName })
            File.Delete(In(name));
        File.Delete(AskedFile);
        AtomicFile.Write(SessionFile, session);
        File.WriteAllBytes(StartedFile, []);
    }

    public void SaveAsked(GridError why) => AtomicFile.Write(AskedFile, why);

    public void SaveLastSeq(long seq) => AtomicFile.Write(CounterFile, new Counter(seq));

    public void AddOrder(TrainingOrder order) => AtomicFile.Write(OrderFile(order.JobId, order.Epoch), order);

    public void AddStop(StopJob stop) => AtomicFile.Write(StopFile(stop.JobId, stop.Epoch), stop);

    /// <summary>The job left the session, and the control plane knows it.</summary>
    public void RemoveJob(string jobId, int epoch)
    {
        File.Delete(OrderFile(jobId, epoch));
        File.Delete(StopFile(jobId, epoch));
    }

    public IReadOnlyList<TrainingOrder> Orders() => Read<TrainingOrder>(OrdersDirectory);

    public IReadOnlyList<StopJob> Stops() => Read<StopJob>(StopsDirectory);

    public bool HasOrder(string jobId, int epoch) => File.Exists(OrderFile(jobId, epoch));

    public void Delete() => Directory.Delete(Path, recursive: true);

    private string In(string name) => System.IO.Path.Combine(Path, name);

    private string OrderFile(string jobId, int epoch) => System.IO.Path.Combine(OrdersDirectory, $"{jobId}.{epoch:D6}.json");

    private string StopFile(string jobId, int epoch) => System.IO.Path.Combine(StopsDirectory, $"{jobId}.{epoch:D6}.json");

    private static IReadOnlyList<T> Read<T>(string directory)
        where T : class =>
        !Directory.Exists(directory)
            ? []
            : [.. Directory.EnumerateFiles(directory, "*.json").Order(StringComparer.Ordinal).Select(AtomicFile.TryRead<T>).OfType<T>()];
}

/// <summary>Where the control plane put a session, and what its first job decided for all of it.</summary>
internal sealed record SessionPlacement(int Slot, string? BaseDigest, string Precision = "fp32", int? Threads = null);
