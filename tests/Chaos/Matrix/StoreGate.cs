using System.Buffers;
using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace FineTuneGrid.Chaos;

/// <summary>
/// A relay before the blob storage that reads each request's head, so that a moment can be hit exactly: a trap holds one
/// request while something is killed. Bytes go through as they are.
/// </summary>
internal sealed class StoreGate : IAsyncDisposable
{
    private const int LongestHead = 64 << 10;

    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly ConcurrentDictionary<Passage, bool> _open = [];
    private readonly Lock _gate = new();
    private readonly int _store;
    private readonly Task _accepting;
    private Trap? _trap;

    /// <param name="store">Port of the storage on this machine; it may come and go.</param>
    public StoreGate(int store)
    {
        _store = store;
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>One at a time; null for none.</summary>
    public void Arm(Trap? trap)
    {
        lock (_gate) _trap = trap;
    }

    /// <summary>Ends all connections: whoever waits for an answer gets none, whether or not the request took effect.</summary>
    public void Cut()
    {
        foreach (var passage in _open.Keys) passage.Dispose();
    }

    public async ValueTask DisposeAsync()
    {
        _listener.Stop();
        Cut();
        await _accepting;
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var passage = new Passage(await _listener.AcceptTcpClientAsync());
                _open[passage] = true;
                _ = PassAsync(passage);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or InvalidOperationException)
        {
            // The listener was stopped.
        }
    }

    private async Task PassAsync(Passage passage)
    {
        try
        {
            await passage.Store.ConnectAsync(IPAddress.Loopback, _store);
            var answers = AnswerAsync(passage);
            while (await ReadHeadAsync(passage) is { } head) await ForwardAsync(passage, head);
            await answers;
        }
        catch (Exception e) when (e is IOException or SocketException or ObjectDisposedException or InvalidOperationException)
        {
            // Either side has gone, or was cut off: the other learns it by the end of its connection.
        }
        finally
        {
            _open.TryRemove(passage, out _);
            passage.Dispose();
        }
    }

    private static async Task AnswerAsync(Passage passage)
    {
        try
        {
            await passage.Store.GetStream().CopyToAsync(passage.Client.GetStream());
        }
        catch (Exception e) when (e is IOException or SocketException or ObjectDisposedException or InvalidOperationException)
        {
            // As above.
        }
        finally
        {
            passage.Dispose();
        }
    }

    private async Task ForwardAsync(Passage passage, byte[] head)
    {
        var request = StoreRequest.Parse(head);
        var store = passage.Store.GetStream();
        Trap? trap;
        lock (_gate) trap = _trap is { } armed && armed.Takes(request) ? armed : null;
        var body = new byte[request.Length];
        await passage.ReadExactlyAsync(body);
        var sent = 0;
        if (trap is not null)
        {
            if (trap.Halfway)
            {
                sent = body.Length / 2;
                await store.WriteAsync(head);
                await store.WriteAsync(body.AsMemory(0, sent));
            }
            if (!await trap.Released) throw new IOException("cut off");
        }
        if (trap is not { Halfway: true }) await store.WriteAsync(head);
        await store.WriteAsync(body.AsMemory(sent));
    }

    /// <summary>Up to and with the empty line; null where the connection has ended.</summary>
    private static async Task<byte[]?> ReadHeadAsync(Passage passage)
    {
        var head = new ArrayBufferWriter<byte>();
        while (true)
        {
            if (await passage.ReadByteAsync() is not { } next) return head.WrittenCount == 0 ? null : throw new IOException("a head without an end");
            head.GetSpan(1)[0] = next;
            head.Advance(1);
            if (next == '\n' && head.WrittenSpan.EndsWith("\r\n\r\n"u8)) return head.WrittenSpan.ToArray();
            if (head.WrittenCount > LongestHead) throw new IOException("a head without an end");
        }
    }

    /// <summary>A connection of a client and its continuation to the storage.</summary>
    private sealed class Passage(TcpClient client) : IDisposable
    {
        private readonly byte[] _buffer = new byte[16 << 10];
        private int _at;
        private int _count;

        public TcpClient Client => client;

        public TcpClient Store { get; } = new();

        public async ValueTask<byte?> ReadByteAsync()
        {
            if (_at == _count) (_at, _count) = (0, await client.GetStream().ReadAsync(_buffer));
            return _count == 0 ? null : _buffer[_at++];
        }

        public async Task ReadExactlyAsync(Memory<byte> into)
        {
            var have = Math.Min(into.Length, _count - _at);
            _buffer.AsMemory(_at, have).CopyTo(into);
            _at += have;
            await client.GetStream().ReadExactlyAsync(into[have..]);
        }

        public void Dispose()
        {
            client.Dispose();
            Store.Dispose();
        }
    }
}
