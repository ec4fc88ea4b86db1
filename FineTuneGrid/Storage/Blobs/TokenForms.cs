using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Inspection;

namespace FineTuneGrid.Storage;

/// <summary>
/// Tokenised forms of data sets, which are made once and found again. Housekeeping removes a form that nobody holds by its
/// index first, and only the version that it has seen: so whoever finds one writes the index again before using it.
/// </summary>
public static class TokenForms
{
    /// <summary>The form behind an index key, now newly written; null where there is none, or none any more.</summary>
    public static async Task<TokenIndex?> TakeAsync(IBlobStore store, string key, CancellationToken cancellation = default)
    {
        while (await store.ReadJsonAsync<TokenIndex>(key, GridJson.Options, cancellation) is var (info, index))
        {
            try
            {
                await store.WriteJsonAsync(key, index, WriteCondition.IfMatch(info.ETag), GridJson.Options, cancellation);
                return index;
            }
            catch (BlobConflictException)
            {
                // Taken by another job at the same moment, or removed: the next look tells.
            }
        }
        return null;
    }
}
