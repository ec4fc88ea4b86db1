using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Nodes;
using FineTuneGrid.Contracts.Telemetry;
using FineTuneGrid.Contracts.Training;

namespace FineTuneGrid.Agent.Sessions;

/// <summary>The sessions of a node: those found on disk at its start, and those it is asked for.</summary>
internal sealed class SessionTable(SessionServices services, CancellationToken work)
{
    /// <summary>How long a trainer without jobs may take to leave its slot to the next.</summary>
    private static readonly TimeSpan VacateLimit = TimeSpan.FromSeconds(10);

    private readonly Lock _gate = new();
    private readonly Dictionary<string, SessionHost> _hosts = [];

    private Lease? _lease;

    /// <summary>An array: collection expressions of an interface type have types that no serializer knows.</summary>
    public SessionStatus[] Statuses => [.. Hosts().Where(h => !h.HasEnded).Select(h => h.Status)];

    /// <summary>Ends when every session's end was told, or the work was cancelled.</summary>
    public Task Completion => Task.WhenAll(Hosts().Select(h => h.Completion));

    public void LoadFromDisk()
    {
        foreach (var path in Directory.EnumerateDirectories(services.Options.SessionsDirectory).Order(StringComparer.Ordinal))
        {
            var folder = new SessionFolder(path);
            if (folder.Placement is null) folder.Delete(); // A crash came before the session was written down: nothing was promised.
            else _hosts[folder.SessionId] = new SessionHost(folder, services);
        }
    }

    public void BeginAll()
    {
        foreach (var host in Hosts()) Begin(host);
    }

    public async Task StartAsync(StartJob start)
    {
        using var span = GridTelemetry.Start("job.start", start.Order.TraceParent, start.Order.JobId, start.Order.Epoch);
        if (start.Order.Gang is { } gang) start = start with { Order = start.Order with { Gang = gang with { Host = services.Options.TrainerHost } } };
        await VacateAsync(start);
        while (true)
        {
            var host = FindOrAdd(start);
            if (await host.OrderAsync(start.Order))
            {
                if (!host.HasBegun) Begin(host);
                return;
            }
            await host.Completion;
        }
    }

    public bool Stop(StopJob stop) => Find(stop.SessionId)?.Stop(stop) == true;

    public bool Shutdown(StopSession stop)
    {
        if (Find(stop.SessionId) is not { HasEnded: false } host) return false;
        if (stop.Kill) host.Kill(new GridError(ErrorCodes.Unavailable, $"The trainer was ended: {stop.Reason}."));
        else host.Shutdown(stop.Reason);
        return true;
    }

    public void Renewed(Lease lease)
    {
        _lease = lease;
        foreach (var host in Hosts()) host.Renewed(lease);
    }

    /// <summary>Trainers checkpoint and exit; those that take too long are killed.</summary>
    public async Task StopAllAsync(string reason, TimeSpan limit)
    {
        SessionHost[] hosts = [.. Hosts().Where(h => h.HasBegun)];
        foreach (var host in hosts) host.Shutdown(reason);
        var ended = Task.WhenAll(hosts.Select(h => h.ProcessEnded));
        try
        {
            await ended.WaitAsync(limit, services.Time, work);
        }
        catch (TimeoutException)
        {
            foreach (var host in hosts) host.Kill(new GridError(ErrorCodes.Unavailable, $"The trainer was ended: {reason}."));
            await ended.WaitAsync(work);
        }
    }

    /// <summary>
    /// A slot holds one trainer. One that has no jobs stays a while, in case that the scheduler comes back to it; once a slot is
    /// given to another session, it goes first, with the memory that it holds.
    /// </summary>
    private async Task VacateAsync(StartJob start)
    {
        SessionHost[] idle = [.. Hosts().Where(h => h.SessionId != start.SessionId && h.IsIdleOn(start.Slot))];
        foreach (var host in idle) host.Shutdown("another session takes the slot");
        try
        {
            await Task.WhenAll(idle.Select(h => h.ProcessEnded)).WaitAsync(VacateLimit, services.Time, work);
        }
        catch (TimeoutException)
        {
            foreach (var host in idle) host.Kill(new GridError(ErrorCodes.Unavailable, "The trainer was ended: another session takes the slot."));
        }
    }

    private SessionHost FindOrAdd(StartJob start)
    {
        lock (_gate)
        {
            if (_hosts.TryGetValue(start.SessionId, out var known) && !(known.HasEnded && known.Completion.IsCompleted)) return known;
            var folder = new SessionFolder(Path.Combine(services.Options.SessionsDirectory, start.SessionId));
            folder.Create(new SessionPlacement(start.Slot, start.Order.Model?.Digest, start.Order.Resolved.Precision, start.Order.Resolved.Threads));
            if (known is not null) folder.SaveLastSeq(known.LastSeq);
            var host = new SessionHost(folder, services);
            _hosts[start.SessionId] = host;
            return host;
        }
    }

    private void Begin(SessionHost host)
    {
        if (_lease is { } lease) host.Renewed(lease);
        host.Begin(work);
        _ = host.ShipLogAsync(work).ContinueWith(static _ => { }, TaskScheduler.Default); // Ends with the session.
    }

    private SessionHost? Find(string sessionId)
    {
        lock (_gate) return _hosts.GetValueOrDefault(sessionId);
    }

    private IReadOnlyList<SessionHost> Hosts()
    {
        lock (_gate) return [.. _hosts.Values];
    }
}
