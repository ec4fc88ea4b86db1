using System.Threading.Channels;

namespace Orleans.Runtime.Messaging;

/// <summary>Sends frames in order from one loop, so that callers never wait for the other side.</summary>
internal sealed class FrameWriter(Stream stream)
{
    private const int MaxQueued = 16 * 1024;

    private readonly Channel<ReadOnlyMemory<byte>> _queue =
        Channel.CreateBounded<ReadOnlyMemory<byte>>(new BoundedChannelOptions(MaxQueued) { SingleReader = true });

    /// <summary>Queues a frame; false where the connection is closing or the other side does not read.</summary>
    public bool TrySend(ReadOnlyMemory<byte> frame) => _queue.Writer.TryWrite(frame);

    public void Complete() => _queue.Writer.TryComplete();

    /// <summary>Runs until <see cref="Complete"/> was called and the queue is empty.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        await foreach (var frame in _queue.Reader.ReadAllAsync(cancellationToken))
        {
            await stream.WriteAsync(frame, cancellationToken);
            await stream.FlushAsync(cancellationToken);
        }
    }
}
