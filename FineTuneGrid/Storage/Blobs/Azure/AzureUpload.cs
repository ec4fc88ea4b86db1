using System.Buffers;
using System.Buffers.Binary;
using Azure;
using Azure.Storage.Blobs.Models;
using Azure.Storage.Blobs.Specialized;

namespace FineTuneGrid.Storage;

/// <summary>
/// One upload of a block blob. The client library's own upload numbers its blocks by offset, so two writers of one key would
/// mix their blocks and a conditional commit could publish the other's bytes. Here small content is a single request and
/// the blocks of larger content carry the writer's own nonce.
/// </summary>
internal sealed class AzureUpload(BlockBlobClient client, Guid operation, BlobRequestConditions? conditions)
{
    private const string OperationKey = "op";
    private const int BlockBytes = 8 << 20;
    private const int MaxBlocksInFlight = 2;

    private readonly Dictionary<string, string> _metadata = new() { [OperationKey] = operation.ToString("N") };

    public async Task<(long Length, BlobContentInfo Info)> RunAsync(Stream content, CancellationToken cancellation)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(BlockBytes);
        try
        {
            var count = await content.ReadAtLeastAsync(buffer.AsMemory(0, BlockBytes), BlockBytes, throwOnEndOfStream: false, cancellation);
            if (count == BlockBytes)
                return await RunInBlocksAsync(buffer, content, cancellation);
            var options = new BlobUploadOptions { Conditions = conditions, Metadata = _metadata };
            var single = await client.UploadAsync(new MemoryStream(buffer, 0, count, writable: false), options, cancellation);
            return (count, single.Value);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>True where the version found was written by this very upload, whose answer was lost.</summary>
    public bool Made(BlobProperties found) =>
        found.Metadata.TryGetValue(OperationKey, out var writer) && writer == operation.ToString("N");

    private async Task<(long Length, BlobContentInfo Info)> RunInBlocksAsync(byte[] first, Stream content, CancellationToken cancellation)
    {
        var blocks = new List<string>();
        var length = 0L;
        var inFlight = new Queue<Task>();
        try
        {
            var (buffer, count) = (first, BlockBytes);
            while (count > 0)
            {
                blocks.Add(BlockId(blocks.Count));
                length += count;
                if (inFlight.Count == MaxBlocksInFlight)
                    await inFlight.Dequeue();
                inFlight.Enqueue(StageAsync(blocks[^1], buffer, count, ownsBuffer: buffer != first, cancellation));
                buffer = ArrayPool<byte>.Shared.Rent(BlockBytes);
                count = await ReadOrReturnAsync(content, buffer, cancellation);
            }
        }
        finally
        {
            // Also on failure: a block in flight still reads its buffer.
            await Task.WhenAll(inFlight);
        }
        var committed = await client.CommitBlockListAsync(blocks, new CommitBlockListOptions { Conditions = conditions, Metadata = _metadata }, cancellation);
        return (length, committed.Value);
    }

    private static async Task<int> ReadOrReturnAsync(Stream content, byte[] buffer, CancellationToken cancellation)
    {
        var count = 0;
        try
        {
            count = await content.ReadAtLeastAsync(buffer.AsMemory(0, BlockBytes), BlockBytes, throwOnEndOfStream: false, cancellation);
            return count;
        }
        finally
        {
            if (count == 0)
                ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private async Task StageAsync(string id, byte[] buffer, int count, bool ownsBuffer, CancellationToken cancellation)
    {
        try
        {
            await client.StageBlockAsync(id, new MemoryStream(buffer, 0, count, writable: false), cancellationToken: cancellation);
        }
        finally
        {
            if (ownsBuffer)
                ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private string BlockId(int index)
    {
        var id = new byte[20];
        operation.TryWriteBytes(id);
        BinaryPrimitives.WriteInt32BigEndian(id.AsSpan(16), index);
        return Convert.ToBase64String(id);
    }
}
