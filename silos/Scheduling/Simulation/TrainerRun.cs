namespace FineTuneGrid.Scheduling.Simulation;

internal enum RunState
{
    Loading,
    Ready,
    Finished,

    /// <summary>Stopped, fenced or crashed.</summary>
    Gone,
}

/// <summary>A trainer: one process in one slot with the runs of one session.</summary>
internal sealed class TrainerProcess(Machine machine, int slot, string session)
{
    public SimProcess Process { get; } = new();

    public Machine Machine { get; } = machine;

    public int Slot { get; } = slot;

    public string Session { get; } = session;

    public List<TrainerRun> Runs { get; } = [];

    public bool Idle => !Runs.Exists(r => r.Live);

    /// <summary>The whole process ends, and every run in it.</summary>
    public void End(bool crashed)
    {
        if (Process.Alive)
            Process.Kill();
        foreach (var run in Runs)
            if (run.Live)
                run.End(crashed);
    }
}

/// <summary>
/// One worker of one epoch of a job. Worker 0 leads: it reads the head, steps when all workers are there, and commits.
/// </summary>
internal sealed class TrainerRun(World world, Machine machine, TrainerProcess trainer, NodeOrder order)
{
    private const long StepMs = 1_000;
    private const long MarginMs = 2_000;
    private const int PatienceForPeers = 20;

    private int _step;
    private int _committedStep;
    private long _committed;
    private long _etag;
    private long _pending;
    private int _waits;
    private bool _stopAsked;
    private bool _committing;

    public int Job { get; } = order.Job;

    public int Epoch { get; } = order.Epoch;

    public int Worker { get; } = order.Worker;

    /// <summary>Workers of the gang.</summary>
    public int Size { get; } = order.Size;

    public TrainerProcess Trainer { get; } = trainer;

    public RunState State { get; set; }

    public bool Crashed { get; private set; }

    public bool Live => State is RunState.Loading or RunState.Ready;

    private SimProcess Process => Trainer.Process;

    public void Begin() => world.Clock.Post(Process, world.Random.Between(300, 2_500), () =>
    {
        if (!Live)
            return;
        if (Worker > 0)
            State = RunState.Ready;
        else
            ReadHead();
    });

    public void AskToStop() => _stopAsked = true;

    public void End(bool crashed)
    {
        State = RunState.Gone;
        Crashed = crashed;
        Trace("gone");
        machine.Report(this);
    }

    private void ReadHead()
    {
        if (!Live || Fenced())
            return;
        world.Store.Read(Process, world.Heads[Job], (ok, value, etag) =>
        {
            if (!Live)
                return;
            var head = value?.Head ?? Head.None;
            if (!ok)
                world.Clock.Post(Process, 1_000, ReadHead);
            else if (head.Epoch > Epoch)
                End(crashed: false);
            else
                StartFrom(head, etag);
        });
    }

    private void StartFrom(Head head, long etag)
    {
        _etag = etag;
        if (world.Guards.HasFlag(Guards.RestartReadsHead))
        {
            (_step, _committedStep, _committed) = (head.Step, head.Step, head.Checkpoint);
            if (head.Done)
            {
                Finish();
                return;
            }
        }
        State = RunState.Ready;
        Trace("ready");
        NextStep();
    }

    private void NextStep() => world.Clock.Post(Process, StepMs, Step);

    private void Step()
    {
        if (!Live || _committing || Fenced())
            return;
        if (_stopAsked)
        {
            if (_step > _committedStep)
                Commit();
            else
                End(crashed: false);
            return;
        }
        if (!PeersReady())
        {
            if (++_waits > PatienceForPeers)
                End(crashed: false);
            else
                NextStep();
            return;
        }
        _waits = 0;
        world.Monitor.Stepped(this, machine);
        _step++;
        if (world.Poison[Job] == _step)
        {
            Trainer.End(crashed: true);
            return;
        }
        if (_step >= world.TotalSteps[Job] || _step - _committedStep >= world.CommitEvery[Job])
            Commit();
        else
            NextStep();
    }

    private bool PeersReady()
    {
        if (Size == 1)
            return true;
        var ready = 1;
        foreach (var other in world.Machines)
            for (var worker = 1; worker < Size; worker++)
                if (other.Find(Job, Epoch, worker) is { State: RunState.Ready } run && run.Process.PausedUntil <= world.Clock.Now && other.LeaseHolds(MarginMs))
                    ready++;
        return ready == Size;
    }

    /// <summary>Stops the whole process if the lease is about to end. Uses the machine's own clock, which counts pauses too.</summary>
    private bool Fenced()
    {
        if (!world.Guards.HasFlag(Guards.LeaseSelfFence) || machine.LeaseHolds(MarginMs))
            return false;
        Trainer.End(crashed: false);
        return true;
    }

    private void Commit()
    {
        if (!Live || Fenced())
            return;
        _committing = true;
        _pending = world.NewCheckpoint();
        // The parts are uploaded first: long enough to be stopped, and to outlive the lease, before the head is written.
        world.Clock.Post(Process, world.Random.Between(20, 600), () =>
        {
            if (!Live)
                return;
            if (world.Guards.HasFlag(Guards.HeadIfMatch))
                Write(_etag);
            else
                Overwrite(check: true);
        });
    }

    /// <summary>What a trainer does that lacks a guard: it looks at the head, or not even that, and then replaces it.</summary>
    private void Overwrite(bool check) => world.Store.Read(Process, world.Heads[Job], (ok, value, etag) =>
    {
        if (!Live)
            return;
        if (!ok || (check && value is { } found && found.Head.Epoch > Epoch))
            Verify();
        else if (value?.Head.Checkpoint == _pending)
            Committed(etag);
        else
            Write(check ? null : etag);
    });

    private void Write(long? match)
    {
        var done = _step >= world.TotalSteps[Job];
        var write = new HeadWrite(new Head(Epoch, _step, _pending, done), _committed, _committedStep, Fence: false);
        world.Store.Write(Process, world.Heads[Job], write, match, (outcome, etag) =>
        {
            if (!Live)
                return;
            if (outcome == WriteOutcome.Done)
                Committed(etag);
            else if (world.Guards.HasFlag(Guards.EpochCheckAtCommit))
                Verify();
            else
                Overwrite(check: false);
        }, (old, now) => world.Monitor.HeadWritten(Job, old, now));
    }

    /// <summary>After a refusal or no answer: what does the head say now?</summary>
    private void Verify()
    {
        if (!Live || Fenced())
            return;
        world.Store.Read(Process, world.Heads[Job], (ok, value, etag) =>
        {
            if (!Live)
                return;
            var head = value?.Head ?? Head.None;
            if (!ok)
                world.Clock.Post(Process, 1_000, Verify);
            else if (head.Checkpoint == _pending)
                Committed(etag);
            else if (head.Epoch == Epoch && head.Checkpoint == _committed)
                Write(etag);
            else
                End(crashed: false);
        });
    }

    private void Committed(long etag)
    {
        (_etag, _committed, _committedStep, _pending, _committing) = (etag, _pending, _step, 0, false);
        if (_step >= world.TotalSteps[Job])
            Finish();
        else
            NextStep();
    }

    private void Trace(string what)
    {
        if (world.Tracing)
            world.Trace(() => $"{machine.Id}/{Trainer.Slot} {Trainer.Session}: j{Job} epoch {Epoch} worker {Worker} {what} at step {_step}");
    }

    private void Finish()
    {
        State = RunState.Finished;
        Trace("finished");
        machine.Report(this);
    }
}
