namespace FineTuneGrid.Scheduling;

/// <summary>Changes of policy.</summary>
internal static class PolicyRules
{
    public static void Org(Edit edit, OrgPolicyChanged e)
    {
        var policy = e.Policy with { Weight = Math.Max(1, e.Policy.Weight) };
        edit.Set(s => s with { OrgPolicies = s.OrgPolicies.SetItem(policy.Org, policy) });
        edit.PassNeeded = true;
    }

    public static void Queue(Edit edit, QueuePolicyChanged e)
    {
        edit.Set(s => s with { Queues = s.Queues.SetItem(e.Policy.Queue, e.Policy) });
        edit.PassNeeded = true;
    }

    public static void Options(Edit edit, OptionsChanged e)
    {
        edit.Set(s => s with
        {
            Options = e.Options,
            Index = SchedulerIndex.Build(e.Options, s.Nodes.Values, s.Jobs.Values, s.Sessions.Values),
        });
        edit.PassNeeded = true;
    }
}
