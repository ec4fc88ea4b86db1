using Azure.Storage.Blobs;
using Azure.Storage.Sas;
using FineTuneGrid.Contracts.Inspection;

namespace FineTuneGrid.Storage;

/// <summary>Makes what a child process is given to reach the blob store: a folder, or a container's address with its own signature.</summary>
public abstract class BlobAccessIssuer
{
    public abstract BlobAccess Issue();

    /// <param name="root">Folder of a <see cref="LocalBlobStore"/>, the same for every process of the grid.</param>
    public static BlobAccessIssuer Local(string root) => new LocalIssuer(new BlobAccess(LocalRoot: root));

    /// <param name="container">With an account key, every child gets a signature of its own; with a signed address, that one.</param>
    /// <param name="cacheDirectory">Where children of this machine keep downloads.</param>
    /// <param name="lifetime">How long a signature is good: longer than any child lives.</param>
    public static BlobAccessIssuer Azure(BlobContainerClient container, string cacheDirectory, TimeProvider time, TimeSpan lifetime) =>
        new AzureIssuer(container, cacheDirectory, time, lifetime);

    private sealed class LocalIssuer(BlobAccess access) : BlobAccessIssuer
    {
        public override BlobAccess Issue() => access;
    }

    private sealed class AzureIssuer(BlobContainerClient container, string cacheDirectory, TimeProvider time, TimeSpan lifetime) : BlobAccessIssuer
    {
        private const BlobContainerSasPermissions Permissions = BlobContainerSasPermissions.Read | BlobContainerSasPermissions.Add | BlobContainerSasPermissions.Create
            | BlobContainerSasPermissions.Write | BlobContainerSasPermissions.Delete | BlobContainerSasPermissions.List;

        public override BlobAccess Issue()
        {
            var address = container.CanGenerateSasUri ? container.GenerateSasUri(Permissions, time.GetUtcNow() + lifetime) : container.Uri;
            return new BlobAccess(AzureContainerUri: address.AbsoluteUri, CacheDirectory: cacheDirectory);
        }
    }
}
