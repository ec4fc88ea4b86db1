using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Jobs;
using FineTuneGrid.Contracts.Training;

namespace FineTuneGrid.Grains.Jobs;

/// <summary>
/// The workers of a run. One epoch is one gang: worker 0 starts first and says where to meet, the others are started with that;
/// when one is gone the others are told to go, and the run is over when all are known to be gone. A lone worker is the gang of one.
/// </summary>
public static partial class JobMachine
{
    private static void Meet(JobEdit edit, JobPlacement placement, JobMeeting report)
    {
        if (placement is not { Peers.Count: > 0, Meeting: null, StopReason: null })
            return;
        var host = report.Host.Contains(':') ? $"[{report.Host}]" : report.Host;
        edit.Set(s => s with { Placement = placement with { Meeting = $"{host}:{report.Port}" } });
        for (var rank = 1; rank < placement.Size; rank++)
        {
            var worker = rank;
            edit.Effect(op => new StartWorkerEffect(worker, placement.Epoch) { OperationId = op });
        }
    }

    /// <summary>A worker is gone.</summary>
    private static void Leave(JobEdit edit, JobPlacement placement, int rank, RunEnd end)
    {
        var left = placement.Without(rank) with { End = RunEnd.Of(placement.End, end) };
        if (!left.Present.Any())
        {
            EndRun(edit, left, left.End);
            return;
        }
        edit.Set(s => s with { Placement = left });
        if (end.Finished is not null && placement.StopReason is null)
            // The others have nothing to do any more and go by themselves.
            edit.Set(s => s with { Placement = left with { StopReason = StopReasons.Finished, StopAt = edit.Now } });
        else if (placement.StopReason is null)
            Break(edit, left, $"worker {rank} of {left.Size} on {left.NodeOf(rank)} is gone{(end.Error is { } why ? $" ({why.Message})" : "")}");
        else if (rank == 0)
            StopTrainers(edit, left, placement.StopReason);
    }

    /// <summary>The gang cannot go on: what is left of it is told to go.</summary>
    private static void Break(JobEdit edit, JobPlacement placement, string why)
    {
        if (!edit.State.Status.IsTerminal() && edit.State.Status != JobStatus.Pausing)
            edit.Enter(JobStatus.Preempting, $"The gang is stopped: {why}.");
        BeginStop(edit, placement, StopReasons.GangBroken);
    }

    /// <summary>
    /// Workers on nodes whose lease is over are gone, and their epoch is fenced. False where the pool did not tell of any that was
    /// present: then what it asks for remains to be done.
    /// </summary>
    private static bool LoseNodes(JobEdit edit, JobPlacement placement, StopAsked ask)
    {
        var lost = placement.Present.Where(rank => ask.LostNodes?.Contains(placement.NodeOf(rank)) == true).ToList();
        if (lost.Count == 0 && ask.Reason == StopReasons.NodeLost && placement.Size == 1)
            lost.Add(0);
        if (lost.Count == 0)
        {
            // A machine does not know its worker any more. Each machine that lives says of its own that they are gone.
            if (ask.Reason == StopReasons.NodeLost && placement.StopReason is null)
                edit.Set(s => s with { Placement = placement with { End = RunEnd.Of(placement.End, LostOn(placement.NodeId)) } });
            return false;
        }
        // Nobody saw the trainers end: whatever is left of them must not commit any more. One that its agent saw end is gone, and
        // the next start fences anyway.
        edit.Set(s => s with { Epoch = s.Epoch + 1 });
        edit.Effect(op => new FenceEffect(edit.State.Epoch) { OperationId = op });
        foreach (var rank in lost)
        {
            // The stop is for a start that the node has not heard of yet, the kill for a trainer that hears nothing any more.
            edit.Effect(op => StopOf(placement, rank, checkpoint: false, StopReasons.NodeLost, op));
            Kill(edit, placement, rank, "its node was lost");
        }
        foreach (var rank in lost)
            if (edit.State.Placement is { } now && !now.IsGone(rank))
                Leave(edit, now, rank, LostOn(placement.NodeOf(rank)));
        return true;
    }

    /// <summary>
    /// Tells the workers to go. Where work is to be saved the first is told alone: it takes the whole gang out at a step boundary,
    /// with its commit, and those that are left are told when it has gone.
    /// </summary>
    private static void StopTrainers(JobEdit edit, JobPlacement placement, string reason)
    {
        edit.Drop(e => e is StartWorkerEffect);
        var saves = Saves(reason);
        foreach (var rank in saves && !placement.IsGone(0) ? [0] : placement.Present.ToArray())
            edit.Effect(op => StopOf(placement, rank, saves, reason, op));
    }

    private static StopTrainerEffect StopOf(JobPlacement placement, int rank, bool checkpoint, string reason, string op) =>
        new(placement.NodeOf(rank), placement.SessionOf(rank), placement.Epoch, checkpoint, reason) { OperationId = op };

    private static void Kill(JobEdit edit, JobPlacement placement, int rank, string why) =>
        edit.Effect(op => new KillSessionEffect(placement.NodeOf(rank), placement.SessionOf(rank), why) { OperationId = op });

    /// <summary>Whether a run that stops for this reason commits its work first.</summary>
    private static bool Saves(string reason) =>
        reason is not (StopReasons.StartTimeout or StopReasons.Cancelled or StopReasons.NodeLost or StopReasons.GangBroken or StopReasons.Finished);

    private static RunEnd LostOn(string node) => new(ReleaseKind.NodeLost, new GridError(ErrorCodes.NodeLost, $"The node {node} was lost."));
}
