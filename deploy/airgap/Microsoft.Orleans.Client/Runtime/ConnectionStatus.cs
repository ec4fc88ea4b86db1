namespace Orleans;

/// <summary>Is told when the client has no connection to the cluster any more, and when it has one again.</summary>
public interface IClusterConnectionStatusObserver
{
    void NotifyGatewayCountChanged(int currentNumberOfGateways, int previousNumberOfGateways, bool connectionRecovered);

    void NotifyClusterConnectionLost();
}

/// <summary>Decides whether a client that fails to connect at its start tries again.</summary>
public interface IClientConnectionRetryFilter
{
    Task<bool> ShouldRetryConnectionAttempt(Exception exception, CancellationToken cancellationToken);
}

public delegate void ConnectionToClusterLostHandler(object sender, EventArgs e);

/// <summary>Tells the observers.</summary>
internal sealed class ConnectionStatus(IEnumerable<IClusterConnectionStatusObserver> observers)
{
    private readonly IClusterConnectionStatusObserver[] _observers = [.. observers];
    private bool _wasLost;

    public void Connected()
    {
        foreach (var observer in _observers)
            observer.NotifyGatewayCountChanged(1, 0, _wasLost);
        _wasLost = false;
    }

    public void Lost()
    {
        _wasLost = true;
        foreach (var observer in _observers)
        {
            observer.NotifyClusterConnectionLost();
            observer.NotifyGatewayCountChanged(0, 1, false);
        }
    }
}

internal sealed class ConnectionLostHandlerAdapter(IServiceProvider services, ConnectionToClusterLostHandler handler) : IClusterConnectionStatusObserver
{
    public void NotifyGatewayCountChanged(int currentNumberOfGateways, int previousNumberOfGateways, bool connectionRecovered)
    {
    }

    public void NotifyClusterConnectionLost() => handler(services, EventArgs.Empty);
}

internal sealed class ConnectionRetryFilterAdapter(Func<Exception, CancellationToken, Task<bool>> filter) : IClientConnectionRetryFilter
{
    public Task<bool> ShouldRetryConnectionAttempt(Exception exception, CancellationToken cancellationToken) => filter(exception, cancellationToken);
}
