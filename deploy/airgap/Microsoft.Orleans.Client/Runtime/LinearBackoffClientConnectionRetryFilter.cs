using Orleans.Runtime.Messaging;

namespace Orleans.Runtime;

/// <summary>Without another filter a client tries 15 times to find a gateway, waiting 1.5 seconds longer each time.</summary>
internal sealed class LinearBackoffClientConnectionRetryFilter(TimeProvider time) : IClientConnectionRetryFilter
{
    private const int MaxRetries = 15;
    private static readonly TimeSpan Step = TimeSpan.FromSeconds(1.5);
    private int _retries;

    public async Task<bool> ShouldRetryConnectionAttempt(Exception exception, CancellationToken cancellationToken)
    {
        if (_retries >= MaxRetries || exception is not ConnectionFailedException)
            return false;
        _retries++;
        await Task.Delay(Step * _retries, time, cancellationToken);
        return true;
    }
}
