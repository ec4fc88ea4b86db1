using FineTuneGrid.Contracts.Nodes;
using FineTuneGrid.Contracts.Training;
using Microsoft.Extensions.Logging.Abstractions;

namespace FineTuneGrid.Agent.Tests;

/// <summary>Reports on their way to the node's grain.</summary>
public sealed class ReportPumpTests
{
    private readonly FakeNode _node = new();

    [Fact]
    public async Task Delivery_ThatCannotBeNotedAtOnce_IsNotedLaterAndStopsNothing()
    {
        var control = new ControlPlane(() => _node, incarnation => new NodeRegistration("node-1", incarnation, "host", "test", [], [], []), (_, _) => { }, TimeProvider.System, NullLogger.Instance);
        await control.RegisterAsync(CancellationToken.None);
        var pump = new ReportPump(control, TimeProvider.System, NullLogger.Instance);
        var (attempts, noted) = (0, new List<int>());
        pump.Post(Report(1), () =>
        {
            // As where the disk is full, or the store of the logs away.
            if (++attempts < 3) throw new IOException("No space left on device");
            noted.Add(1);
            return Task.CompletedTask;
        });
        pump.Post(Report(2), () =>
        {
            noted.Add(2);
            return Task.CompletedTask;
        });
        pump.Complete();

        await pump.RunAsync(CancellationToken.None).WaitAsync(TimeSpan.FromMinutes(1));

        Assert.Equal([1, 2], noted);
        Assert.Equal(3, attempts);
        Assert.Equal([1, 2], _node.Reports.Select(r => r.Report!.Seq));
    }

    private static NodeReport Report(long seq) => new("session-a", new JobDetached("job-1", 1, "", null) { Seq = seq });
}
