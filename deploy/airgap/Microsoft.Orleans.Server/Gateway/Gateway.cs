using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Orleans.Configuration;

namespace Orleans.Runtime.Messaging;

/// <summary>Listens for clients while the silo is active.</summary>
internal sealed class Gateway(
    SiloRuntime silo,
    GrainClassMap classes,
    IOptions<EndpointOptions> endpoints,
    IOptions<ClusterOptions> cluster,
    IOptions<SiloMessagingOptions> messaging,
    IOptions<SiloConnectionOptions> connecting,
    IServiceProvider services,
    ILogger<Gateway> logger) : ILifecycleParticipant<ISiloLifecycle>
{
    private readonly ConcurrentDictionary<Socket, Task> _connections = new();
    private readonly CancellationTokenSource _stopping = new();
    private TcpListener? _listener;
    private Task _accepting = Task.CompletedTask;

    public int ConnectionCount => _connections.Count;

    public void Participate(ISiloLifecycle lifecycle) =>
        lifecycle.Subscribe<Gateway>(ServiceLifecycleStage.Active, StartAsync, StopAsync);

    private Task StartAsync(CancellationToken cancellationToken)
    {
        var options = endpoints.Value;
        if (options.GatewayPort == 0)
            return Task.CompletedTask;
        var endpoint = options.GatewayListeningEndpoint
            ?? new IPEndPoint(options.AdvertisedIPAddress ?? IPAddress.Loopback, options.GatewayPort);
        _listener = new TcpListener(endpoint);
        try
        {
            _listener.Start();
        }
        catch (SocketException exception)
        {
            throw new OrleansConfigurationException(
                $"The gateway cannot listen at {endpoint}: {exception.Message}. Choose another gateway port or stop what uses this one.", exception);
        }

        _accepting = AcceptAsync(_listener);
        return Task.CompletedTask;
    }

    private async Task StopAsync(CancellationToken cancellationToken)
    {
        await _stopping.CancelAsync();
        _listener?.Stop();
        await _accepting.WaitAsync(cancellationToken);
        await Task.WhenAll(_connections.Values).WaitAsync(cancellationToken);
        _listener?.Dispose();
    }

    private async Task AcceptAsync(TcpListener listener)
    {
        while (!_stopping.IsCancellationRequested)
        {
            Socket socket;
            try
            {
                socket = await listener.AcceptSocketAsync(_stopping.Token);
            }
            catch (Exception exception) when (exception is OperationCanceledException or ObjectDisposedException)
            {
                return;
            }
            catch (SocketException exception)
            {
                // One connection failed before it was accepted; the listener is sound.
                SiloLog.GatewayConnectionFailed(logger, exception, "unknown", exception.Message);
                continue;
            }

            socket.NoDelay = true;
            _connections[socket] = RunAsync(socket);
        }
    }

    private async Task RunAsync(Socket socket)
    {
        await Task.Yield();
        var remote = socket.RemoteEndPoint?.ToString() ?? "unknown";
        try
        {
            await connecting.Value.Gateway.RunAsync(
                socket, services, stream => new GatewayConnection(stream, remote, silo, classes, cluster.Value.ClusterId, messaging.Value, logger).RunAsync(_stopping.Token));
        }
        catch (Exception exception)
        {
            SiloLog.GatewayConnectionFailed(logger, exception, remote, exception.Message);
        }
        finally
        {
            _connections.TryRemove(socket, out _);
        }
    }
}
