using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Nodes;
using Microsoft.Extensions.Logging;

namespace FineTuneGrid.Agent;

/// <summary>
/// The way to the node's grain: registration, lease, and calls under the current incarnation. A grain that answers
/// <c>lease_lost</c> is registered with anew under a new incarnation.
/// </summary>
/// <param name="node">Gives the grain reference. Called before every call, in the caller's flow, so that a host can put the node's token into it.</param>
/// <param name="describe">What runs here now.</param>
/// <param name="renewed">Called after every renewal with the seconds and the monotonic timestamp until which the node may work.</param>
internal sealed partial class ControlPlane(
    Func<INodeGrain> node,
    Func<string, NodeRegistration> describe,
    Action<double, long> renewed,
    TimeProvider time,
    ILogger logger)
{
    /// <summary>Longer than the longest poll; shorter than what a client library waits.</summary>
    private static readonly TimeSpan CallLimit = TimeSpan.FromSeconds(15);

    /// <summary>
    /// A renewal is small. One that a killed silo has swallowed is repeated through another soon: the client library itself would
    /// wait for the answer longer than the lease lasts.
    /// </summary>
    private static readonly TimeSpan RenewLimit = TimeSpan.FromSeconds(4);

    private readonly SemaphoreSlim _registering = new(1, 1);
    private volatile Registered? _registered;

    private sealed record Registered(string Incarnation, NodeWelcome Welcome);

    public NodeWelcome Welcome => _registered?.Welcome ?? throw new InvalidOperationException("the node is not registered yet");

    /// <summary>Registers; tries until it succeeds.</summary>
    public Task<NodeWelcome> RegisterAsync(CancellationToken cancellation) => RegisterAsync(_registered, cancellation);

    /// <summary>One call under the current incarnation, with its own time limit. After <c>lease_lost</c> it is registered anew and the call fails.</summary>
    public async Task<T> CallAsync<T>(Func<INodeGrain, string, Task<T>> call, CancellationToken cancellation, TimeSpan? limit = null)
    {
        var registered = _registered ?? throw new InvalidOperationException("the node is not registered yet");
        try
        {
            return await call(node(), registered.Incarnation).WaitAsync(limit ?? CallLimit, time, cancellation);
        }
        catch (GridException e) when (e.Code == ErrorCodes.LeaseLost)
        {
            await RegisterAsync(registered, cancellation);
            throw;
        }
    }

    public Task CallAsync(Func<INodeGrain, string, Task> call, CancellationToken cancellation) =>
        CallAsync(
            async (grain, incarnation) =>
            {
                await call(grain, incarnation);
                return true;
            },
            cancellation);

    /// <summary>Renews until cancelled. A failed renewal is repeated soon: the lease runs on meanwhile.</summary>
    public async Task RenewAsync(Func<IReadOnlyList<SessionStatus>> sessions, CancellationToken cancellation)
    {
        var backoff = new Backoff(time);
        while (true)
        {
            try
            {
                var sent = time.GetTimestamp();
                var welcome = await CallAsync((grain, incarnation) => grain.Renew(incarnation, sessions()), cancellation, RenewLimit);
                Renewed(welcome, sent);
                backoff = new Backoff(time);
                await Task.Delay(TimeSpan.FromSeconds(welcome.RenewSeconds), time, cancellation);
            }
            catch (Exception e) when (!cancellation.IsCancellationRequested)
            {
                LogRenewFailed(e);
                await backoff.WaitAsync(cancellation);
            }
        }
    }

    private async Task<NodeWelcome> RegisterAsync(Registered? stale, CancellationToken cancellation)
    {
        await _registering.WaitAsync(cancellation);
        try
        {
            if (_registered is { } other && other != stale) return other.Welcome;
            var incarnation = Guid.NewGuid().ToString("N");
            for (var backoff = new Backoff(time); ; await backoff.WaitAsync(cancellation))
            {
                try
                {
                    var sent = time.GetTimestamp();
                    var welcome = await node().Register(describe(incarnation)).WaitAsync(CallLimit, time, cancellation);
                    _registered = new Registered(incarnation, welcome);
                    LogRegistered(incarnation, welcome.LeaseSeconds);
                    Renewed(welcome, sent);
                    return welcome;
                }
                catch (Exception e) when (!cancellation.IsCancellationRequested)
                {
                    LogRegisterFailed(e);
                }
            }
        }
        finally
        {
            _registering.Release();
        }
    }

    /// <summary>The lease counts from before the call: the grain may have granted it at any moment of it.</summary>
    private void Renewed(NodeWelcome welcome, long sent)
    {
        var seconds = welcome.LeaseSeconds - time.GetElapsedTime(sent).TotalSeconds;
        renewed(seconds, sent + (long)(welcome.LeaseSeconds * time.TimestampFrequency));
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Registered as {Incarnation} with a lease of {Seconds} s")]
    private partial void LogRegistered(string incarnation, double seconds);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The node could not be registered; it is tried again")]
    private partial void LogRegisterFailed(Exception exception);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The lease was not renewed; it is tried again")]
    private partial void LogRenewFailed(Exception exception);
}
