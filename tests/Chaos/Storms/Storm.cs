using FineTuneGrid.EndToEnd;

namespace FineTuneGrid.Chaos;

/// <summary>Carries out a schedule of faults. What lasts runs beside what comes next.</summary>
internal sealed class Storm(ChaosCluster cluster, Action<string> tell)
{
    private readonly List<Task> _lasting = [];

    public Dictionary<FaultKind, int> Counts { get; } = [];

    public async Task RunAsync(IEnumerable<Fault> plan, CancellationToken over)
    {
        foreach (var fault in plan)
        {
            try
            {
                await Task.Delay(fault.After, over);
            }
            catch (OperationCanceledException)
            {
                break;
            }
            if (!Strike(fault)) continue;
            tell($"{fault.Kind} {(IsOfNode(fault.Kind) ? $"node-{fault.Node}" : "")} {(IsLasting(fault.Kind) ? $"{fault.For.TotalSeconds:0.0} s" : "")}".TrimEnd());
            Counts[fault.Kind] = Counts.GetValueOrDefault(fault.Kind) + 1;
        }
        await Task.WhenAll(_lasting);
    }

    /// <summary>False where there was nothing to hit.</summary>
    private bool Strike(Fault fault)
    {
        switch (fault.Kind)
        {
            case FaultKind.KillControl:
                ControlOf(fault).Signal(ProcessTable.SigKill);
                return true;
            case FaultKind.KillAgent:
                cluster.Agents[fault.Node].Signal(ProcessTable.SigKill);
                return true;
            case FaultKind.KillTrainer:
                return Each(cluster.Trainers(fault.Node), p => ProcessTable.Signal(p.Pid, ProcessTable.SigKill));
            case FaultKind.KillNode:
                cluster.KillNode(fault.Node);
                return true;
            case FaultKind.KillEverything:
                cluster.KillEverything();
                return true;
            case FaultKind.KillRedis:
                cluster.Redis!.Signal(ProcessTable.SigKill);
                return true;
            case FaultKind.PauseControl:
                return Pause([ControlOf(fault).Signal], fault.For);
            case FaultKind.PauseAgent:
                return Pause([cluster.Agents[fault.Node].Signal], fault.For);
            case FaultKind.PauseTrainer:
                return Pause([.. cluster.Trainers(fault.Node).Select(p => (Action<int>)(signal => ProcessTable.Signal(p.Pid, signal)))], fault.For);
            case FaultKind.PauseStore:
                return Pause([cluster.Store.Signal], fault.For);
            case FaultKind.CrashStore:
                cluster.CrashStore();
                return true;
            case FaultKind.CutLink:
                return While(cluster.Links[fault.Node].Cut, cluster.Links[fault.Node].Restore, fault.For);
            case FaultKind.FillNodeDisk:
                return While(cluster.NodeDisks[fault.Node].Fill, cluster.NodeDisks[fault.Node].Free, fault.For);
            case FaultKind.FillControlDisk:
                var disk = cluster.ControlDisks[fault.Node % cluster.ControlDisks.Count];
                return While(disk.Fill, disk.Free, fault.For);
            default:
                throw new ArgumentOutOfRangeException(nameof(fault), fault.Kind, "unknown fault");
        }
    }

    private Supervised ControlOf(Fault fault) => cluster.Controls[fault.Node % cluster.Controls.Count].Process;

    private bool Pause(IReadOnlyList<Action<int>> targets, TimeSpan length) =>
        targets.Count > 0 && While(() => Each(targets, signal => signal(ProcessTable.SigStop)), () => Each(targets, signal => signal(ProcessTable.SigCont)), length);

    private bool While(Action begin, Action end, TimeSpan length)
    {
        begin();
        _lasting.Add(EndAsync());
        return true;

        async Task EndAsync()
        {
            await Task.Delay(length);
            end();
        }
    }

    private static bool Each<T>(IReadOnlyList<T> all, Action<T> act)
    {
        foreach (var one in all) act(one);
        return all.Count > 0;
    }

    private static bool IsLasting(FaultKind kind) =>
        kind is FaultKind.PauseControl or FaultKind.PauseAgent or FaultKind.PauseTrainer or FaultKind.PauseStore or FaultKind.CutLink or FaultKind.FillNodeDisk or FaultKind.FillControlDisk;

    private static bool IsOfNode(FaultKind kind) => kind is FaultKind.CutLink or FaultKind.FillNodeDisk or FaultKind.KillAgent or FaultKind.KillTrainer or FaultKind.KillNode or FaultKind.PauseAgent or FaultKind.PauseTrainer;
}
