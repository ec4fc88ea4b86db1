namespace FineTuneGrid.Scheduling;

/// <summary>
/// Finding the culprit of a crashed session by group testing: its members restart in halves, then alone, and only a job that
/// crashes a trainer that it had to itself is charged. A member that commits beyond the crash is cleared.
/// </summary>
internal static class CrashRules
{
    /// <summary>Up to this many suspects restart alone at once; more restart in halves.</summary>
    private const int AloneBelow = 4;

    public static void Crashed(Edit edit, Session session, JobEntry reporter)
    {
        // The reports of the other members of the same crash.
        if (session.Condemned)
            return;
        foreach (var node in session.Slots.Select(s => s.Node).Distinct())
            NodeRules.Strike(edit, node, reporter.Id);
        if (session.Members.Count < 2)
            return;
        edit.Put(session with { Condemned = true });
        Divide(edit, [.. session.Members.Select(m => edit.Job(m.Job)).OfType<JobEntry>().OrderBy(j => j.Sequence)]);
        foreach (var member in session.Members)
            if (member.Job != reporter.Id && edit.Job(member.Job) is { } other)
                JobRules.Stop(edit, other, StopReason.Isolated);
    }

    private static void Divide(Edit edit, JobEntry[] suspects)
    {
        var alone = suspects.Length < AloneBelow;
        var group = "";
        for (var i = 0; i < suspects.Length; i++)
        {
            if (i == 0 || alone || i == (suspects.Length + 1) / 2)
                group = edit.NewId("g");
            var job = suspects[i];
            var shared = job.Failures.SharedCrashes + 1;
            edit.Put(job with
            {
                Isolation = group,
                IsolationStep = job.CommittedStep,
                Failures = job.Failures with { SharedCrashes = shared },
                Solo = job.Solo || shared >= edit.Options.MaxSharedCrashes,
            });
        }
    }
}
