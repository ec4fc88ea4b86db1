using System.Diagnostics;

namespace FineTuneGrid.Scheduling.Tests;

public sealed class ScaleTests
{
    private const int Nodes = 1_000;
    private const int Jobs = 10_000;

    [Fact]
    public void Step_TenThousandWaitingJobsOnAThousandNodes_StaysCheap()
    {
        var pool = Full(out var now);
        Assert.Equal(Nodes, pool.Jobs.Values.Count(j => j.Placement is not null));
        var running = pool.Jobs.Values.Where(j => j.Placement is not null).Take(400).ToArray();
        var times = new List<double>();
        foreach (var job in running)
        {
            Time(new JobStarted(job.Id, job.Placement!.Id, 1));
            Time(new JobProgress(job.Id, job.Placement.Id, 1_000, 1));
            Time(new JobReleased(job.Id, job.Placement.Id, ReleaseReason.Finished));
            Time(new JobQueued(Request(Jobs + times.Count)));
            Time(new Tick());
        }
        times.Sort();
        // Generous for a loaded machine: a walk over all jobs and nodes would be a hundred times dearer.
        Assert.True(times[times.Count / 2] < 5, $"Median step {times[times.Count / 2]:0.00} ms.");
        Assert.True(times[times.Count * 95 / 100] < 100, $"95th percentile {times[times.Count * 95 / 100]:0.00} ms.");

        void Time(SchedulerEvent e)
        {
            var watch = Stopwatch.GetTimestamp();
            pool = Scheduler.Step(pool, e, now += 10).State;
            times.Add(Stopwatch.GetElapsedTime(watch).TotalMilliseconds);
        }
    }

    private static SchedulerState Full(out long now)
    {
        var state = SchedulerState.Create();
        now = 1_000_000;
        for (var i = 0; i < Nodes; i++)
            state = Scheduler.Step(state, new NodeRegistered($"n{i:0000}", 1, now + 3_600_000_000, [new(i % 2 == 0 ? SlotDevice.Cpu : SlotDevice.Cuda, 16 * Pool.Gib, 2, 1)]), now).State;
        for (var i = 0; i < Jobs; i++)
            state = Scheduler.Step(state, new JobQueued(Request(i)), now += 10).State;
        return state;
    }

    private static JobRequest Request(int i) => Pool.Request($"job{i:00000}", $"org{i % 20}", i % 3, 1, 60_000 + i * 37 % 600_000, $"k{i % 50}", $"base{i % 50}",
        i % 2 == 0 ? SlotDevice.Cpu : SlotDevice.Cuda);
}
