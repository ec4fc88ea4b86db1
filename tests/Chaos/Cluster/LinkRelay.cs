using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace FineTuneGrid.Chaos;

/// <summary>
/// A network link that can be slow or cut, as a relay of TCP connections. What goes through is delayed the same each way; a cut
/// link passes nothing on, ends nothing, and takes no connection that is heard of: both sides wait, as where a cable is drawn.
/// </summary>
/// <param name="target">Port on this machine that the link leads to.</param>
/// <param name="delay">Each way.</param>
internal sealed class LinkRelay : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly ConcurrentDictionary<TcpClient, bool> _open = [];
    private readonly CancellationTokenSource _stopping = new();
    private readonly int _target;
    private readonly TimeSpan _delay;
    private readonly Task _accepting;
    private volatile TaskCompletionSource _whole = Done();

    public LinkRelay(int target, TimeSpan delay = default)
    {
        (_target, _delay) = (target, delay);
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    public void Cut()
    {
        if (_whole.Task.IsCompleted) _whole = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    /// <summary>What was under way arrives late; connections that stood through the cut are ended then, as after a time-out of TCP.</summary>
    public void Restore()
    {
        foreach (var end in _open.Keys) end.Dispose();
        _whole.TrySetResult();
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        _listener.Stop();
        foreach (var end in _open.Keys) end.Dispose();
        await _accepting;
        _stopping.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true) _ = PassAsync(await _listener.AcceptTcpClientAsync(_stopping.Token));
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or OperationCanceledException)
        {
            // The link is taken down.
        }
    }

    private async Task PassAsync(TcpClient near)
    {
        using var far = new TcpClient();
        using var _ = near;
        (_open[near], _open[far]) = (true, true);
        try
        {
            await _whole.Task.WaitAsync(_stopping.Token);
            await far.ConnectAsync(IPAddress.Loopback, _target, _stopping.Token);
            await Task.WhenAny(CopyAsync(near, far), CopyAsync(far, near));
        }
        catch (Exception e) when (e is IOException or SocketException or ObjectDisposedException or InvalidOperationException or OperationCanceledException)
        {
            // One side has gone: so does the other.
        }
        finally
        {
            _open.TryRemove(near, out bool _);
            _open.TryRemove(far, out bool _);
        }
    }

    private async Task CopyAsync(TcpClient from, TcpClient to)
    {
        var buffer = new byte[64 << 10];
        while (await from.GetStream().ReadAsync(buffer, _stopping.Token) is var count and > 0)
        {
            if (_delay > TimeSpan.Zero) await Task.Delay(_delay, _stopping.Token);
            await _whole.Task.WaitAsync(_stopping.Token);
            await to.GetStream().WriteAsync(buffer.AsMemory(0, count), _stopping.Token);
        }
    }

    private static TaskCompletionSource Done()
    {
        var source = new TaskCompletionSource();
        source.SetResult();
        return source;
    }
}
