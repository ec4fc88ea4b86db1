namespace FineTuneGrid.Scheduling.Simulation;

/// <summary>
/// One activation of a job on one silo: it caches what it has read, decides, writes, and only then acts. There may be two of
/// the same job, each believing its cache.
/// </summary>
internal sealed class JobActivation(World world, Silo silo, int job)
{
    private readonly Queue<JobMessage> _inbox = new();
    private readonly Cell<JobDoc> _cell = world.JobDocs[job];
    private JobDoc? _doc;
    private long _etag;
    private bool _loaded;
    private bool _fresh;
    private bool _busy;

    private string Id => world.JobIds[job];

    public void Receive(JobMessage message)
    {
        _inbox.Enqueue(message);
        Pump();
    }

    private void Pump()
    {
        while (!_busy && _inbox.Count > 0)
        {
            // A cache that another activation has overtaken would never notice: each wake looks again.
            if (_inbox.Peek().Kind == JobMessageKind.Wake && !_fresh)
                _loaded = false;
            if (!_loaded)
            {
                Load();
                return;
            }
            _fresh = false;
            var message = _inbox.Dequeue();
            if (world.Tracing)
                world.Trace(() => $"{Id} on silo {Array.IndexOf(world.Silos, silo)}: {message.Describe()} in {_doc?.Describe() ?? "nothing"}");
            var next = JobLogic.Decide(_doc, message, world.Guards);
            if (next is null)
            {
                // "No such job" must not be remembered either.
                _loaded = false;
                continue;
            }
            if (ReferenceEquals(next, _doc))
                Act(next, message, changed: false);
            else
                Save(next, message);
        }
    }

    private void Load()
    {
        _busy = true;
        world.Store.Read(silo.Process, _cell, (ok, doc, etag) =>
        {
            _busy = false;
            if (!ok)
            {
                _inbox.Clear();
                return;
            }
            (_doc, _etag, _loaded, _fresh) = (doc, etag, true, true);
            Pump();
        });
    }

    private void Save(JobDoc next, JobMessage message)
    {
        _busy = true;
        long? match = world.Guards.HasFlag(Guards.StateETag) ? _etag : null;
        world.Store.Write(silo.Process, _cell, next, match, (outcome, etag) =>
        {
            _busy = false;
            if (outcome == WriteOutcome.Done)
            {
                (_doc, _etag) = (next, etag);
                Act(next, message, changed: true);
            }
            else
            {
                // What is in memory may be false now: forget it and read again. Senders ask again.
                _loaded = false;
                _inbox.Clear();
            }
            Pump();
        }, (old, now) => world.Monitor.JobWritten(job, old, now));
    }

    /// <summary>Does what the state calls for. Everything here may happen twice, late, or from an old cache.</summary>
    private void Act(JobDoc doc, JobMessage message, bool changed)
    {
        if (message.Kind == JobMessageKind.Submit)
            Accept();
        var asked = message.Grant?.Placement ?? message.Placement;
        if (message.Kind is JobMessageKind.Grant or JobMessageKind.Stop && JobLogic.Answers(doc, asked))
            ToPool(new JobReleased(Id, asked, ReleaseReason.Refused));
        if (!changed && (message.Kind != JobMessageKind.Wake || !world.Guards.HasFlag(Guards.Retry)) && doc.Phase != SimPhase.Terminal)
            return;
        if (doc.Released.Length > 0)
            ToPool(new JobReleased(Id, doc.Released, doc.ReleasedWhy) { Kind = doc.ReleasedKind });
        switch (doc.Phase)
        {
            case SimPhase.Queued:
                ToPool(new JobQueued(world.Requests[job]));
                ToPool(doc.WantsPause ? new JobPaused(Id) : new JobResumed(Id));
                break;
            case SimPhase.Placed:
                Place(doc, message.Kind == JobMessageKind.Wake);
                break;
            case SimPhase.Stopping:
                Each(doc, doc.Detached, (machine, worker) => machine.FromJob(new(NodeOrderKind.Stop, job, doc.Epoch, worker)));
                break;
            case SimPhase.Publishing:
                Publish();
                break;
            case SimPhase.Terminal:
                ToPool(new JobClosed(Id));
                break;
        }
    }

    private void Accept()
    {
        if (world.Guards.HasFlag(Guards.TrackBeforeAccept))
        {
            world.ToPool(silo, new PoolMessage(null) { Track = job, Done = _ => world.Client.Accepted(job) });
            return;
        }
        world.Client.Accepted(job);
        world.ToPool(silo, new PoolMessage(null) { Track = job });
    }

    private void Place(JobDoc doc, bool probe)
    {
        if (!doc.Fenced)
        {
            Fence(doc.Epoch);
            return;
        }
        if (!doc.Confirmed)
        {
            var placement = doc.Placement;
            var confirmed = new JobMessage(JobMessageKind.StartConfirmed) { Placement = placement };
            world.ToPool(silo, new PoolMessage(new JobStarted(Id, placement, doc.Epoch))
            {
                Done = current => world.ToJob(job, current || !world.Guards.HasFlag(Guards.ConfirmPlacement)
                    ? confirmed : confirmed with { Kind = JobMessageKind.StartDenied }),
            });
            return;
        }
        // The first worker opens the place where the gang meets; the others are told of it.
        var unmet = (doc.Attached & 1) != 0 ? 0 : ~1;
        Each(doc, doc.Attached | unmet, (machine, worker) => machine.FromJob(new(NodeOrderKind.Start, job, doc.Epoch, worker)
        {
            Slot = doc.Slots[worker].Slot, Session = doc.Session, Size = doc.Slots.Count,
        }));
        if (probe)
            Each(doc, ~doc.Attached, (machine, worker) => machine.FromJob(new(NodeOrderKind.Probe, job, doc.Epoch, worker)));
    }

    /// <summary>Writes the epoch into the head, which takes the right to commit from all older trainers.</summary>
    private void Fence(int epoch)
    {
        var done = new JobMessage(JobMessageKind.Fenced) { Epoch = epoch };
        if (!world.Guards.HasFlag(Guards.FenceBeforeStart))
        {
            world.ToJob(job, done);
            return;
        }
        var cell = world.Heads[job];
        world.Store.Read(silo.Process, cell, (ok, value, etag) =>
        {
            var head = value?.Head ?? Head.None;
            if (!ok || head.Epoch > epoch)
                return;
            if (head.Epoch == epoch)
            {
                world.ToJob(job, done);
                return;
            }
            var write = new HeadWrite(head with { Epoch = epoch }, head.Checkpoint, head.Step, Fence: true);
            world.Store.Write(silo.Process, cell, write, etag, (outcome, _) =>
            {
                if (outcome == WriteOutcome.Done)
                    world.ToJob(job, done);
            }, (old, now) => world.Monitor.HeadWritten(job, old, now));
        });
    }

    private void Publish()
    {
        var cell = world.Versions[job];
        var version = new Published(Id);
        world.Store.Read(silo.Process, cell, (ok, value, etag) =>
        {
            if (!ok)
                return;
            var published = new JobMessage(JobMessageKind.Published);
            if (value is not null && world.Guards.HasFlag(Guards.IdempotentPublish))
            {
                world.ToJob(job, published);
                return;
            }
            world.Store.Write(silo.Process, cell, version, world.Guards.HasFlag(Guards.IdempotentPublish) ? etag : null, (outcome, _) =>
            {
                if (outcome == WriteOutcome.Done)
                    world.ToJob(job, published);
            }, (_, _) => world.Monitor.PublishedVersion(job));
        });
    }

    private void ToPool(SchedulerEvent e) => world.ToPool(silo, new PoolMessage(e));

    private void Each(JobDoc doc, int except, Action<Machine, int> act)
    {
        for (var worker = 0; worker < doc.Slots.Count; worker++)
            if ((except & (1 << worker)) == 0 && world.MachineOf(doc.Slots[worker].Node) is { } machine)
                act(machine, worker);
    }
}

/// <summary>A version in the registry.</summary>
internal sealed record Published(string Job);
