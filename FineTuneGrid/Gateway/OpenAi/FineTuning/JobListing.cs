using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Jobs;
using FineTuneGrid.Gateway.Jobs;
using Orleans;

namespace FineTuneGrid.Gateway.OpenAi.FineTuning;

/// <summary>Pages of an organisation's jobs, newest first.</summary>
public sealed class JobListing(IGrainFactory grains, JobAccess jobs)
{
    /// <summary>Jobs that are looked at together where few may fit.</summary>
    private const int Scan = 200;

    /// <param name="org">Null: of all organisations.</param>
    /// <param name="after">The job to go on behind.</param>
    internal async Task<(IReadOnlyList<JobView> Jobs, bool More)> ReadAsync(string? org, string? after, int limit, MetadataFilter filter, CancellationToken ct)
    {
        var found = new List<JobView>();
        do
        {
            ct.ThrowIfCancellationRequested();
            var page = await grains.GetGrain<IPoolGrain>(PoolKeys.Default).Jobs(org, after, filter.IsEmpty ? limit + 1 - found.Count : Scan);
            foreach (var view in await Task.WhenAll(page.JobIds.Select(id => jobs.Grain(id).Get())))
            {
                if (view is null || !filter.Holds(view.Spec.Labels)) continue;
                if (found.Count == limit) return (found, true);
                found.Add(view);
            }
            after = page.Next;
        }
        while (after is not null);
        return (found, false);
    }
}
