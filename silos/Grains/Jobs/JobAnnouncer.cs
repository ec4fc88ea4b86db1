using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Webhooks;
using FineTuneGrid.Storage;

namespace FineTuneGrid.Grains.Jobs;

/// <summary>Leaves word of a job's end for those who deliver it. Who told once more finds the word there, or tells it again under the same id.</summary>
public sealed class JobAnnouncer(IBlobStore blobs)
{
    public async Task AnnounceAsync(JobState state)
    {
        if (state.FinishedAt is not { } at || !await IsAwaitedAsync(state.Submission.Org))
            return;
        var notice = new WebhookNotice(state.Id, state.Submission.Org, state.Status, at, new Dictionary<string, WebhookDelivery>());
        try
        {
            await blobs.WriteJsonAsync(WebhookKeys.Notice(state.Id), notice, WriteCondition.IfAbsent, GridJson.Options);
        }
        catch (BlobConflictException)
        {
            // An attempt whose end was not noted has left it.
        }
    }

    private async Task<bool> IsAwaitedAsync(string organisation)
    {
        await foreach (var _ in blobs.ListAsync(WebhookKeys.Endpoints(organisation)))
            return true;
        return false;
    }
}
