using FineTuneGrid.Orleans.Tests.Support;
using Orleans;
using Orleans.Runtime;

namespace FineTuneGrid.Orleans.Tests;

public interface ITimerGrain : IGrainWithStringKey
{
    Task Start(bool interleave, TimeSpan period);

    Task StartFailing();

    Task Hold(string gate);

    Task Stop();

    Task Leave();
}

public sealed class TimerGrain(Journal journal) : Grain, ITimerGrain
{
    private IGrainTimer? _timer;
    private bool _inCall;
    private int _ticks;

    public Task Start(bool interleave, TimeSpan period)
    {
        _timer = this.RegisterGrainTimer(OnTick, "state", new GrainTimerCreationOptions(TimeSpan.FromMilliseconds(10), period) { Interleave = interleave });
        return Task.CompletedTask;
    }

    public Task StartFailing()
    {
        this.RegisterGrainTimer(
            () =>
            {
                journal.Write($"failing {++_ticks}");
                throw new InvalidOperationException("tick failed");
            },
            new GrainTimerCreationOptions(TimeSpan.Zero, TimeSpan.FromMilliseconds(10)));
        return Task.CompletedTask;
    }

    public async Task Hold(string gate)
    {
        _inCall = true;
        journal.Write($"holding {gate}");
        await journal.PassAsync(gate);
        _inCall = false;
    }

    public Task Stop()
    {
        _timer?.Dispose();
        return Task.CompletedTask;
    }

    public Task Leave()
    {
        DeactivateOnIdle();
        return Task.CompletedTask;
    }

    public override Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        journal.Write("timer grain left");
        return Task.CompletedTask;
    }

    private async Task OnTick(string state, CancellationToken cancellationToken)
    {
        var during = _inCall ? "during call" : "between calls";
        await Task.Yield();
        journal.Write($"{this.GetPrimaryKeyString()} tick {++_ticks}");
        journal.Write($"{this.GetPrimaryKeyString()} {during} {state} {cancellationToken.CanBeCanceled}");
    }
}
