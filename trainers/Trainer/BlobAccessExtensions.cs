using Azure.Storage.Blobs;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Storage;

namespace FineTuneGrid.Trainer;

internal static class BlobAccessExtensions
{
    /// <summary>The store that a process was given access to.</summary>
    public static IBlobStore Open(this BlobAccess access) => access switch
    {
        { LocalRoot: { } root } => new LocalBlobStore(root),
        { AzureContainerUri: { } uri } => new AzureBlobStore(new BlobContainerClient(new Uri(uri)), access.CacheDirectory),
        _ => throw new GridException(ErrorCodes.InvalidRequest, "The order gives access to no blob store: neither a local root nor a container.", "blobs"),
    };
}
