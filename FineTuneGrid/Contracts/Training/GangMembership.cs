namespace FineTuneGrid.Contracts.Training;

/// <summary>
/// Which of a job's data-parallel workers a trainer is. Worker 0 is started first: it opens the meeting point and tells of it by
/// <see cref="JobMeeting"/>; the others are started with that address. Workers meet only within one job and epoch. Worker 0 alone
/// reads the job's head, commits, evaluates and reports steps and the result; each of them reports <see cref="JobAttached"/> when
/// all have met, and <see cref="JobDetached"/> or <see cref="JobFailed"/> at its end. A worker that is told to detach makes the whole
/// gang leave at the next step boundary, with the commit that was asked for. One that loses another ends with
/// <see cref="TrainerProtocol.GangBrokenExitCode"/>. The session of a gang's worker holds no other job.
/// </summary>
/// <param name="Rank">0 to <paramref name="Size"/> - 1.</param>
/// <param name="Size">Number of workers; 1 is a job alone.</param>
/// <param name="Meeting"><c>host:port</c> of the meeting point; null for worker 0.</param>
/// <param name="Host">
/// Name or address by which the other workers reach this one's machine. The traffic is neither encrypted nor authenticated: it
/// belongs on a network of the grid's own.
/// </param>
/// <param name="SilenceSeconds">A worker that gives no sign of life for so long is lost: its process stands still, or its machine is cut off.</param>
public sealed record GangMembership(int Rank, int Size, string? Meeting = null, string Host = GangMembership.Loopback, double SilenceSeconds = 20)
{
    public const string Loopback = "127.0.0.1";

    /// <exception cref="GridException"><c>invalid_request</c>, naming the field.</exception>
    public void Check()
    {
        if (Size < 1) throw Invalid("size", $"gang.size must be at least 1, not {Size}.");
        if (Rank < 0 || Rank >= Size) throw Invalid("rank", $"gang.rank must be 0 to {Size - 1}, not {Rank}.");
        if (SilenceSeconds is not (>= 1 and <= 3600)) throw Invalid("silence_seconds", $"gang.silence_seconds must be 1 to 3600, not {SilenceSeconds}.");
        if (Host.Length == 0) throw Invalid("host", "gang.host must name the machine's address.");
        if (Rank == 0 && Meeting is not null) throw Invalid("meeting", "gang.meeting must be null for worker 0, which opens the meeting point.");
        if (Rank > 0) _ = MeetingPoint();
    }

    /// <summary>Host and port of <see cref="Meeting"/>.</summary>
    /// <exception cref="GridException"><c>invalid_request</c> where it is none.</exception>
    public (string Host, int Port) MeetingPoint()
    {
        var colon = Meeting?.LastIndexOf(':') ?? -1;
        if (colon > 0 && ushort.TryParse(Meeting.AsSpan(colon + 1), out var port) && port > 0)
            return (Meeting![..colon].Trim('[', ']'), port);
        throw Invalid("meeting", $"gang.meeting must be 'host:port' for worker {Rank}, not '{Meeting}'.");
    }

    private static GridException Invalid(string field, string message) => new(ErrorCodes.InvalidRequest, message, $"gang.{field}");
}
