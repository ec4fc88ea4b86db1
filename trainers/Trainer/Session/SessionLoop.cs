using System.Globalization;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Training;
using FineTuneGrid.Trainer.Gangs;

namespace FineTuneGrid.Trainer.Session;

/// <summary>
/// Steps the attached jobs in turn, one optimizer step at a time, and lets jobs come and go between steps. Runs on one
/// thread: tensors live and die on it.
/// </summary>
/// <param name="next">The next frame, or null where none came within the limit.</param>
internal sealed class SessionLoop(
    TrainerSession session,
    Func<TrainingOrder, IJobRun> open,
    Func<TimeSpan, AgentFrame?> next,
    ReportOutbox outbox,
    LeaseClock lease,
    TimeProvider time)
{
    private readonly List<Seat> _seats = [];

    /// <summary>Every (job, epoch) that was here or was refused: frames may come twice.</summary>
    private readonly HashSet<(string, int)> _seen = [];

    private bool _shutdown;

    /// <summary>An attached job and its account of tokens, by which turns are given.</summary>
    private sealed class Seat(IJobRun run, long credit)
    {
        public IJobRun Run { get; } = run;

        /// <summary>A newcomer starts level with the others, not with an advantage of all that they have had.</summary>
        public long Account => credit + Run.TokensStepped;
    }

    /// <summary>Runs until shutdown, idleness or the lease's end; the process's exit code.</summary>
    public int Run()
    {
        try
        {
            return Loop();
        }
        catch (GridException e) when (EndsSession(e))
        {
            Console.WriteLine(LogLine.Session(e.Message));
            return e.Code == ErrorCodes.LeaseLost ? TrainerProtocol.LeaseLostExitCode : TrainerProtocol.GangBrokenExitCode;
        }
        finally
        {
            foreach (var seat in _seats) seat.Run.Dispose();
        }
    }

    private int Loop()
    {
        var idleSince = time.GetTimestamp();
        while (true)
        {
            while (next(Patience(idleSince)) is { } frame) Handle(frame);
            lease.Require();
            if (_seats.Count > 0)
            {
                StepOne();
                idleSince = time.GetTimestamp();
            }
            else if (_shutdown || time.GetElapsedTime(idleSince).TotalSeconds >= session.IdleSeconds)
            {
                return 0;
            }
        }
    }

    /// <summary>How long to wait for a frame: not at all while there is work.</summary>
    private TimeSpan Patience(long idleSince)
    {
        if (_seats.Count > 0 || _shutdown) return TimeSpan.Zero;
        var idle = TimeSpan.FromSeconds(session.IdleSeconds) - time.GetElapsedTime(idleSince);
        var patience = idle < lease.Remaining ? idle : lease.Remaining;
        return patience > TimeSpan.Zero ? patience : TimeSpan.Zero;
    }

    private void Handle(AgentFrame frame)
    {
        lease.Require();
        switch (frame)
        {
            case Attach attach:
                Attach(attach.Order);
                break;
            case Detach detach:
                Detach(detach);
                break;
            case Shutdown shutdown:
                _shutdown = true;
                Console.WriteLine(LogLine.Session($"shutting down: {shutdown.Reason}"));
                foreach (var seat in _seats.ToArray()) Ask(seat, new Departure(Checkpoint: true, shutdown.Reason));
                break;
        }
    }

    private void Attach(TrainingOrder order)
    {
        if (!_seen.Add((order.JobId, order.Epoch))) return;
        if (_shutdown)
        {
            outbox.Post(new JobDetached(order.JobId, order.Epoch, "the session shuts down", null));
            return;
        }
        IJobRun? run = null;
        try
        {
            CheckCompany(order);
            run = open(order);
            if (run.Attach(outbox.Post) == JobState.Finished)
            {
                run.Dispose();
                return;
            }
            _seats.Add(new Seat(run, _seats.Count == 0 ? 0 : _seats.Min(s => s.Account)));
        }
        catch (Exception e) when (!EndsSession(e))
        {
            run?.Dispose();
            Fail(order, e);
        }
    }

    private void Detach(Detach detach)
    {
        var seat = _seats.Find(s => s.Run.Order.JobId == detach.JobId && s.Run.Order.Epoch == detach.Epoch);
        if (seat is not null) Ask(seat, new Departure(detach.Checkpoint, detach.Reason));
        else if (_seen.Add((detach.JobId, detach.Epoch))) outbox.Post(new JobDetached(detach.JobId, detach.Epoch, detach.Reason, null));
    }

    private void StepOne()
    {
        var seat = _seats.MinBy(s => s.Account)!;
        try
        {
            var state = seat.Run.Step(outbox.Post);
            if (state == JobState.Finished) Remove(seat);
            if (state == JobState.Leaving) Leave(seat, seat.Run.Agreed!);
        }
        catch (Exception e) when (!EndsSession(e))
        {
            Remove(seat);
            Fail(seat.Run.Order, e);
        }
    }

    private void Ask(Seat seat, Departure departure)
    {
        if (seat.Run.MayLeave(departure)) Leave(seat, departure);
    }

    private void Leave(Seat seat, Departure departure)
    {
        var (checkpoint, reason) = departure;
        var order = seat.Run.Order;
        try
        {
            if (checkpoint) seat.Run.Checkpoint(outbox.Post);
            else seat.Run.Settle(outbox.Post);
            outbox.Post(new JobDetached(order.JobId, order.Epoch, reason, seat.Run.CommittedStep));
            Console.WriteLine(LogLine.Job(order.JobId, $"left at step {seat.Run.CommittedStep?.ToString(CultureInfo.InvariantCulture) ?? "that worker 0 commits"}: {reason}"));
        }
        catch (Exception e) when (!EndsSession(e))
        {
            Fail(order, e);
        }
        Remove(seat);
    }

    private void Remove(Seat seat)
    {
        _seats.Remove(seat);
        seat.Run.Dispose();
    }

    /// <summary>A job that was fenced belongs to another trainer: it leaves without blame, by a report that only its agent minds.</summary>
    private void Fail(TrainingOrder order, Exception fault)
    {
        if (fault is GridException { Code: ErrorCodes.Fenced })
        {
            Console.WriteLine(LogLine.Job(order.JobId, "a newer attempt holds this job; it is let go"));
            outbox.Post(new JobDetached(order.JobId, order.Epoch, ErrorCodes.Fenced, null));
            return;
        }
        var (error, retryable) = JobFaults.Describe(fault);
        Console.WriteLine(LogLine.Job(order.JobId, $"failed ({error.Code}): {error.Message}"));
        if (error.Code == ErrorCodes.Internal) Console.WriteLine(LogLine.Job(order.JobId, fault.ToString()));
        outbox.Post(new JobFailed(order.JobId, order.Epoch, error, retryable));
    }

    /// <summary>A gang steps when all of its workers do: turns with other jobs would make each wait for the sum of all.</summary>
    private void CheckCompany(TrainingOrder order)
    {
        if (_seats.Count > 0 && _seats.Select(s => s.Run.Order).Append(order).Any(o => o.Gang is { Size: > 1 }))
            throw new GridException(ErrorCodes.Unavailable, "A worker of a gang needs a session of its own, and this one holds another job.");
    }

    /// <summary>What ends the process, with every job in it: none of them failed.</summary>
    private static bool EndsSession(Exception e) => e is GridException { Code: ErrorCodes.LeaseLost or ErrorCodes.GangBroken };
}
