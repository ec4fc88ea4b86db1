using FineTuneGrid.TrainerSupport;
using Microsoft.Extensions.Logging.Abstractions;

namespace FineTuneGrid.Agent.Tests;

/// <summary>A node agent that runs until it is stopped, or dropped as by a crash.</summary>
internal sealed class AgentUnderTest : IAsyncDisposable
{
    private readonly CancellationTokenSource _stopping = new();
    private readonly CancellationTokenSource _abandon = new();
    private readonly Task _running;

    public AgentUnderTest(TestStore store, FakeNode node, int slots = 1)
    {
        var options = new AgentOptions
        {
            NodeId = "node-1",
            Directory = Path.Combine(store.Root, "nodes", "node-1"),
            Blobs = Storage.BlobAccessIssuer.Local(store.Access.LocalRoot!),
            Build = "test",
            Threads = 1,
            Slots = slots,
            TrainerCommand = ["dotnet", TrainerProgram.Path],
            LogInterval = TimeSpan.FromMilliseconds(200),
        };
        _running = new NodeAgent(options, () => node, store.Blobs, TimeProvider.System, NullLogger<NodeAgent>.Instance).RunAsync(_stopping.Token, _abandon.Token);
    }

    /// <summary>As on SIGTERM: trainers checkpoint first.</summary>
    public async Task StopAsync()
    {
        await _stopping.CancelAsync();
        await _running.WaitAsync(TimeSpan.FromMinutes(2));
    }

    /// <summary>As on SIGKILL, as far as trainers can tell.</summary>
    public async Task DropAsync()
    {
        await _abandon.CancelAsync();
        await _running.WaitAsync(TimeSpan.FromMinutes(1));
    }

    public Task Completion => _running;

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _running.ContinueWith(static _ => { }, TaskScheduler.Default);
        _stopping.Dispose();
        _abandon.Dispose();
    }
}
