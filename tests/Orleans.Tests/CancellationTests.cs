using FineTuneGrid.Orleans.Tests.Support;

namespace FineTuneGrid.Orleans.Tests;

/// <summary>Cancellation and timeouts, inside the silo's process and over a connection.</summary>
public abstract class CancellationTests
{
    [Fact]
    public Task Cancel_RunningCall_ReachesTheGrain() => RunAsync(async (grain, journal) =>
    {
        using var source = new CancellationTokenSource();
        var call = grain.WaitForCancel("a", source.Token);
        await journal.ExpectAsync("waiting a True");
        await source.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);
        await journal.ExpectAsync("cancelled a");
    });

    [Fact]
    public Task Cancel_GrainThatDoesNotListen_FreesTheCallerAtOnce() => RunAsync(async (grain, journal) =>
    {
        using var source = new CancellationTokenSource();
        var call = grain.Ignore("i", source.Token);
        await journal.ExpectAsync("ignoring i");
        await source.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);
        Assert.Equal(0, journal.Count("ended i"));
        journal.Open("i may end");
        await journal.ExpectAsync("ended i");
    });

    [Fact]
    public Task Cancel_WaitingCall_NeverRuns() => RunAsync(async (grain, journal) =>
    {
        var first = grain.Ignore("first", CancellationToken.None);
        await journal.ExpectAsync("ignoring first");
        using var source = new CancellationTokenSource();
        var second = grain.WaitForCancel("second", source.Token);
        Assert.False(second.IsCompleted);
        await source.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => second);
        journal.Open("first may end");
        await first;
    });

    [Fact]
    public Task Cancel_BeforeTheCall_SendsNothing() => RunAsync(async (grain, journal) =>
    {
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
            await grain.WaitForCancel("never", new CancellationToken(canceled: true)));
        Assert.Equal(0, journal.Count("waiting never True"));
    });

    [Fact]
    public Task ResponseTimeout_GrainTakesLonger_ThrowsAndTheCallGoesOn() => RunAsync(async (grain, journal) =>
    {
        await Assert.ThrowsAsync<TimeoutException>(() => grain.NeverAnswer("n"));
        Assert.Equal(0, journal.Count("answered n"));
        journal.Open("n may answer");
        await journal.ExpectAsync("answered n");
    });

    protected abstract Task RunAsync(Func<ICancelGrain, Journal, Task> test);
}

public sealed class LocalCancellationTests : CancellationTests
{
    protected override async Task RunAsync(Func<ICancelGrain, Journal, Task> test)
    {
        await using var silo = await TestSilo.StartAsync();
        await test(silo.Grains.GetGrain<ICancelGrain>("c"), silo.Journal);
    }
}

public sealed class RemoteCancellationTests : CancellationTests
{
    protected override async Task RunAsync(Func<ICancelGrain, Journal, Task> test)
    {
        await using var silo = await TestSilo.StartAsync();
        using var client = await TestSilo.StartClientAsync(silo.GatewayPort);
        await test(TestSilo.ClientOf(client).GetGrain<ICancelGrain>("c"), silo.Journal);
        await client.StopAsync();
    }
}
