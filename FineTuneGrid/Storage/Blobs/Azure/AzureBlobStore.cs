using System.Runtime.CompilerServices;
using Azure;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using Azure.Storage.Blobs.Specialized;
using FineTuneGrid.Contracts;

namespace FineTuneGrid.Storage;

/// <summary>Blobs in an Azure Blob Storage container. Large content goes up in blocks, without being held in memory.</summary>
public sealed class AzureBlobStore : IBlobStore
{
    private readonly BlobContainerClient _container;
    private readonly DownloadCache? _cache;

    /// <param name="cacheDirectory">Where <see cref="OpenLocalAsync"/> keeps downloads; null where local files are not needed.</param>
    public AzureBlobStore(BlobContainerClient container, string? cacheDirectory = null)
    {
        ArgumentNullException.ThrowIfNull(container);
        _container = container;
        _cache = cacheDirectory is null ? null : new DownloadCache(cacheDirectory);
    }

    /// <param name="connectionString">Of the storage account; its key can do everything there: for the control plane only.</param>
    public static AzureBlobStore FromConnectionString(
        string connectionString, string container, string? cacheDirectory = null, BlobClientOptions? options = null) =>
        new(new BlobContainerClient(connectionString, container, options ?? new BlobClientOptions()), cacheDirectory);

    /// <param name="containerUri">The container's address with a shared access signature: what a trainer gets.</param>
    public static AzureBlobStore FromSasUri(Uri containerUri, string? cacheDirectory = null, BlobClientOptions? options = null) =>
        new(new BlobContainerClient(containerUri, options ?? new BlobClientOptions()), cacheDirectory);

    public async Task EnsureContainerAsync(CancellationToken cancellation = default) =>
        await AzureErrors.TranslateAsync(() => _container.CreateIfNotExistsAsync(cancellationToken: cancellation));

    public async ValueTask<BlobInfo?> StatAsync(string key, CancellationToken cancellation = default)
    {
        var properties = await PropertiesAsync(Client(key), cancellation);
        return properties is null ? null : InfoOf(key, properties);
    }

    public async Task<BlobContent?> OpenReadAsync(string key, long offset = 0, long? length = null, CancellationToken cancellation = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        if (length is { } wanted)
            ArgumentOutOfRangeException.ThrowIfNegative(wanted, nameof(length));
        if (length == 0)
            return await EmptyRangeAsync(key, offset, cancellation);
        var options = new BlobDownloadOptions { Range = offset == 0 && length is null ? default : new HttpRange(offset, length) };
        try
        {
            var response = await AzureErrors.TranslateAsync(() => Client(key).DownloadStreamingAsync(options, cancellation));
            var details = response.Value.Details;
            var total = TotalLength(details);
            return new BlobContent(new BlobInfo(key, total, Plain(details.ETag), details.LastModified), response.Value.Content);
        }
        catch (RequestFailedException e) when (e.ErrorCode == BlobErrorCode.BlobNotFound)
        {
            return null;
        }
        catch (RequestFailedException e) when (e.ErrorCode == BlobErrorCode.InvalidRange)
        {
            return await EmptyRangeAsync(key, offset, cancellation);
        }
    }

    public async Task<BlobInfo> WriteAsync(string key, Stream content, WriteCondition condition = default, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(content);
        BlobKey.Validate(key);
        var upload = new AzureUpload(_container.GetBlockBlobClient(key), Guid.NewGuid(), ConditionsOf(condition));
        try
        {
            var (length, written) = await AzureErrors.TranslateAsync(() => upload.RunAsync(content, cancellation));
            return new BlobInfo(key, length, Plain(written.ETag), written.LastModified);
        }
        catch (RequestFailedException e) when (AzureErrors.IsConflict(e))
        {
            // The client repeats a request whose answer was lost. Then the version in its way can be our own.
            var current = await PropertiesAsync(Client(key), cancellation);
            if (current is not null && upload.Made(current))
                return InfoOf(key, current);
            throw new BlobConflictException(key, condition, current is null ? null : Plain(current.ETag), e);
        }
    }

    public async Task<bool> DeleteAsync(string key, string? ifMatch = null, CancellationToken cancellation = default)
    {
        var conditions = ifMatch is null ? null : new BlobRequestConditions { IfMatch = new ETag(ifMatch) };
        try
        {
            var response = await AzureErrors.TranslateAsync(
                () => Client(key).DeleteIfExistsAsync(DeleteSnapshotsOption.IncludeSnapshots, conditions, cancellation));
            return response.Value;
        }
        catch (RequestFailedException e) when (ifMatch is not null && AzureErrors.IsConflict(e))
        {
            var current = await StatAsync(key, cancellation);
            return current is null ? false : throw new BlobConflictException(key, WriteCondition.IfMatch(ifMatch), current.ETag, e);
        }
    }

    public async IAsyncEnumerable<BlobInfo> ListAsync(string prefix, [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        BlobKey.ValidatePrefix(prefix);
        await using var blobs = _container.GetBlobsAsync(prefix: prefix, cancellationToken: cancellation).GetAsyncEnumerator(cancellation);
        while (await AzureErrors.TranslateAsync(async () => await blobs.MoveNextAsync()))
        {
            var properties = blobs.Current.Properties;
            yield return new BlobInfo(
                blobs.Current.Name,
                properties.ContentLength ?? 0,
                properties.ETag is { } etag ? Plain(etag) : "",
                properties.LastModified ?? default);
        }
    }

    public async Task<LocalFile?> OpenLocalAsync(string key, CancellationToken cancellation = default)
    {
        if (_cache is null)
            throw new InvalidOperationException("This store was opened without a cache directory, so it has no local files.");
        while (true)
        {
            var info = await StatAsync(key, cancellation);
            if (info is null)
                return null;
            if (_cache.TryOpen(info) is { } cached)
                return cached;
            await using var content = await OpenReadAsync(key, cancellation: cancellation);
            if (content is null)
                return null;
            if (await _cache.AddAsync(content, cancellation) is { } added)
                return added;
        }
    }

    private BlobClient Client(string key)
    {
        BlobKey.Validate(key);
        return _container.GetBlobClient(key);
    }

    private async Task<BlobContent?> EmptyRangeAsync(string key, long offset, CancellationToken cancellation)
    {
        if (await StatAsync(key, cancellation) is not { } info)
            return null;
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, info.Length);
        return new BlobContent(info, Stream.Null);
    }

    private static async Task<BlobProperties?> PropertiesAsync(BlobClient client, CancellationToken cancellation)
    {
        try
        {
            return await AzureErrors.TranslateAsync(async () => (await client.GetPropertiesAsync(cancellationToken: cancellation)).Value);
        }
        catch (RequestFailedException e) when (e.ErrorCode == BlobErrorCode.BlobNotFound || e.Status == 404)
        {
            return null;
        }
    }

    private static BlobRequestConditions? ConditionsOf(WriteCondition condition) =>
        condition.MustBeAbsent ? new BlobRequestConditions { IfNoneMatch = ETag.All }
        : condition.ETag is null ? null
        : new BlobRequestConditions { IfMatch = new ETag(condition.ETag) };

    /// <summary>Without the quotation marks that some answers carry and others do not.</summary>
    private static string Plain(ETag etag) => etag.ToString("G").Trim('"');

    private static BlobInfo InfoOf(string key, BlobProperties properties) =>
        new(key, properties.ContentLength, Plain(properties.ETag), properties.LastModified);

    /// <summary>The whole blob's length: behind the slash of <c>Content-Range: bytes 0-9/100</c>, else that of the answer.</summary>
    private static long TotalLength(BlobDownloadDetails details) =>
        details.ContentRange is { } range && long.TryParse(range[(range.LastIndexOf('/') + 1)..], out var total) ? total : details.ContentLength;
}
