using Azure;
using Azure.Storage.Blobs.Models;
using FineTuneGrid.Contracts;

namespace FineTuneGrid.Storage;

/// <summary>Gives the failures of Azure Storage that a user can mend their typed form.</summary>
internal static class AzureErrors
{
    /// <summary>
    /// The condition failed, or (InvalidBlockList, BlobNotFound) another writer or a deletion discarded the blocks of this
    /// upload before they were committed. Nothing of this request took effect.
    /// </summary>
    public static bool IsConflict(RequestFailedException e) =>
        e.Status == 412
        || e.ErrorCode == BlobErrorCode.BlobAlreadyExists
        || e.ErrorCode == BlobErrorCode.InvalidBlockList
        || e.ErrorCode == BlobErrorCode.BlobNotFound;

    public static async Task<T> TranslateAsync<T>(Func<Task<T>> call)
    {
        try
        {
            return await call();
        }
        catch (RequestFailedException e) when (e.Status is 401 or 403)
        {
            throw new GridException(ErrorCodes.Forbidden, $"Azure Storage refuses the credential ({e.ErrorCode}); check the connection string or make a new shared access signature.", "storage", e);
        }
        catch (RequestFailedException e) when (e.ErrorCode == BlobErrorCode.ContainerNotFound)
        {
            throw new GridException(ErrorCodes.NotFound, "The Azure Storage container does not exist; create it or correct its name.", "storage", e);
        }
        catch (RequestFailedException e) when (e.Status is 0 or >= 500)
        {
            throw new GridException(ErrorCodes.Unavailable, $"Azure Storage does not answer ({e.Message.Split('\n')[0]}); try again later.", "storage", e);
        }
        catch (AggregateException e) when (e.InnerExceptions.All(inner => inner is RequestFailedException))
        {
            throw new GridException(ErrorCodes.Unavailable, $"Azure Storage does not answer after {e.InnerExceptions.Count} attempts ({e.InnerExceptions[0].Message.Split('\n')[0]}); try again later.", "storage", e);
        }
    }
}
