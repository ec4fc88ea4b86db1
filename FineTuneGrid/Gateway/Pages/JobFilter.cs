using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Access;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Jobs;
using FineTuneGrid.Gateway.Jobs;
using Orleans;

namespace FineTuneGrid.Gateway.Pages;

/// <summary>Which jobs a list shows. What is null does not matter.</summary>
/// <param name="State">A status, or <see cref="Active"/>: any that is no end.</param>
internal sealed record JobFilter(string? State, string? Base, string? Org)
{
    public const string Active = "active";

    private const int PageSize = 100;

    /// <summary>A filter that few jobs pass must not read them all for one page: the search goes on from where it stopped when asked.</summary>
    private const int MostRead = 1000;

    public static JobFilter Of(HttpRequest request) => new(Value(request, "state"), Value(request, "base"), Value(request, "org"));

    public bool Matches(JobView job) =>
        (State is null || (State == Active ? !job.Status.IsTerminal() : State.Equals(job.Status.ToString(), StringComparison.OrdinalIgnoreCase)))
        && (Base is null || Base == job.Spec.BaseModelName());

    /// <summary>The newest jobs that pass, older than <paramref name="after"/>, and where to go on; null where there is nothing further.</summary>
    public async Task<(IReadOnlyList<JobView> Jobs, string? Next)> ReadAsync(IGrainFactory grains, JobAccess access, Principal caller, string? after, int limit)
    {
        var pool = grains.GetGrain<IPoolGrain>(PoolKeys.Default);
        var org = caller.IsAdmin ? Org : caller.Org ?? Names.SharedOrg;
        var found = new List<JobView>();
        for (var read = 0; read < MostRead; read += PageSize)
        {
            var page = State == Active ? await pool.LiveJobs(org, after, PageSize) : await pool.Jobs(org, after, PageSize);
            foreach (var job in (await Task.WhenAll(page.JobIds.Select(id => access.Grain(id).Get()))).OfType<JobView>().Where(Matches))
            {
                if (found.Count == limit) return (found, found[^1].Id);
                found.Add(job);
            }
            if (page.Next is null) return (found, null);
            after = page.Next;
        }
        return (found, after);
    }

    private static string? Value(HttpRequest request, string name) => request.Query[name].ToString() is { Length: > 0 } value ? value : null;
}
