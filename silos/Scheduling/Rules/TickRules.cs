namespace FineTuneGrid.Scheduling;

/// <summary>What time alone brings about.</summary>
internal static class TickRules
{
    public static void Tick(Edit edit)
    {
        ExpireLeases(edit);
        EndBackoffs(edit);
        EndQuarantines(edit);
        Resend(edit);
    }

    private static void ExpireLeases(Edit edit)
    {
        while (!edit.Index.Leases.IsEmpty && edit.Index.Leases.Min is var due && due.At + edit.Options.LeaseGraceMs <= edit.Now)
            NodeRules.Lose(edit, edit.Node(due.Id)!);
    }

    private static void EndBackoffs(Edit edit)
    {
        while (!edit.Index.Backoffs.IsEmpty && edit.Index.Backoffs.Min is var due && due.At <= edit.Now)
        {
            edit.Put(edit.Job(due.Id)! with { NotBefore = 0 });
            edit.PassNeeded = true;
        }
    }

    private static void EndQuarantines(Edit edit)
    {
        while (!edit.Index.Quarantines.IsEmpty && edit.Index.Quarantines.Min is var due && due.At <= edit.Now)
        {
            edit.Put(edit.Node(due.Id)! with { QuarantinedUntil = 0 });
            edit.PassNeeded = true;
            edit.SlotsChanged = true;
        }
    }

    private static void Resend(Edit edit)
    {
        while (!edit.Index.Resends.IsEmpty && edit.Index.Resends.Min is var due && due.At <= edit.Now)
        {
            var job = edit.Job(due.Id)!;
            edit.Put(job with { ResendAt = edit.Now + Math.Max(1, edit.Options.ResendMs) });
            switch (job.Placement)
            {
                case null when job.Phase == JobPhase.Failed:
                    edit.Emit(new FailCommand(job.Id, job.FailCode, job.LastFailure));
                    break;
                case { State: PlacementState.Starting } p when edit.Now - p.GrantedAt >= edit.Options.StartTimeoutMs:
                    foreach (var node in p.Slots.Select(s => s.Node).Distinct())
                        NodeRules.Strike(edit, node, job.Id);
                    JobRules.Stop(edit, edit.Job(job.Id)!, StopReason.StartTimeout);
                    break;
                case { State: PlacementState.Starting } p:
                    edit.Emit(SlotFinder.GrantOf(job, p));
                    break;
                case { State: PlacementState.Stopping } p:
                    edit.Emit(new StopCommand(job.Id, p.Id, p.Stop));
                    break;
                default:
                    edit.Put(edit.Job(job.Id)! with { ResendAt = 0 });
                    break;
            }
        }
    }
}
