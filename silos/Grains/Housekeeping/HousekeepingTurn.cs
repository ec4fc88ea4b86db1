using FineTuneGrid.Contracts;
using FineTuneGrid.Storage;
using Microsoft.Extensions.Options;

namespace FineTuneGrid.Grains.Housekeeping;

/// <summary>When housekeeping was last begun, for all silos: a blob that the one who begins writes anew.</summary>
public sealed class HousekeepingTurn(IBlobStore blobs, IOptions<GridOptions> options, TimeProvider time)
{
    private const string Key = "housekeeping/last.json";

    private sealed record Last(DateTimeOffset At);

    /// <summary>True where a run is due and the caller is the one to do it.</summary>
    public async Task<bool> TakeAsync(CancellationToken cancellation = default)
    {
        var last = await blobs.ReadJsonAsync<Last>(Key, GridJson.Options, cancellation);
        var now = time.GetUtcNow();
        if (last is var (_, before) && before.At + options.Value.Retention.Every > now)
            return false;
        try
        {
            await blobs.WriteJsonAsync(Key, new Last(now), WriteCondition.Replacing(last?.Info), GridJson.Options, cancellation);
            return true;
        }
        catch (BlobConflictException)
        {
            // Another silo was first.
            return false;
        }
    }
}
