using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Telemetry;

namespace FineTuneGrid.Grains.Jobs;

/// <summary>The outbox at work: one effect at a time per lane, each repeated until it is done.</summary>
public sealed partial class JobGrain
{
    private static readonly TimeSpan LongestRetry = TimeSpan.FromSeconds(30);

    /// <summary>Starts the next effect of every idle lane. Only durable effects are carried out.</summary>
    private void Pump()
    {
        if (_state.Broken || _state.Current is not { } state)
            return;
        foreach (var effect in state.Outbox.DistinctBy(e => e.Lane))
        {
            if (_lanes.ContainsKey(effect.Lane) || (_retries.TryGetValue(effect.OperationId, out var retry) && retry.NotBefore > Now))
                continue;
            _lanes[effect.Lane] = RunAsync(effect);
        }
    }

    private Task RetryAsync()
    {
        Pump();
        ArmRetry();
        return Task.CompletedTask;
    }

    /// <summary>Sets the timer to the next retry. Those that were due are on their way, or their effects are no longer wanted.</summary>
    private void ArmRetry()
    {
        var now = Now;
        var next = _retries.Values.Select(r => r.NotBefore).Where(t => t > now).DefaultIfEmpty(DateTimeOffset.MaxValue).Min();
        if (next < DateTimeOffset.MaxValue)
            _retry!.Change(next - now, Timeout.InfiniteTimeSpan);
    }

    private async Task RunAsync(JobEffect effect)
    {
        // The lane must be taken before its effect can end.
        await Task.Yield();
        using var span = JobSpans.Of(_state.Current!, effect);
        try
        {
            if (_retries.ContainsKey(effect.OperationId) && await _runner.ObstacleAsync(_state.Current!, effect) is { } obstacle)
            {
                span.Fail(obstacle);
                Postpone(effect, obstacle, null);
                return;
            }
            await DecideAsync(await _runner.PerformAsync(_state.Current!, effect, _crashes));
            _retries.Remove(effect.OperationId);
            _obstacle = null;
        }
        catch (Exception e)
        {
            if (_state.Broken)
                return;
            if (e is GridException { Code: ErrorCodes.TrainerCrashed })
                _crashes++;
            span.Fail(e.Message);
            Postpone(effect, e.Message, e);
        }
        finally
        {
            _lanes.Remove(effect.Lane);
            Pump();
        }
    }

    /// <param name="fault">Null where it is known that nothing is wrong but the moment.</param>
    private void Postpone(JobEffect effect, string obstacle, Exception? fault)
    {
        var failures = _retries.GetValueOrDefault(effect.OperationId).Failures + 1;
        var wait = Min(_options.EffectRetry * Math.Pow(2, Math.Min(failures - 1, 10)), LongestRetry);
        _retries[effect.OperationId] = (failures, Now + wait);
        ArmRetry();
        // Once: what a job waits for, a node for example, may be away for hours. What is said in words needs no stack beside them.
        if (_obstacle != obstacle && fault is null or GridException { Code: ErrorCodes.Unavailable, InnerException: null })
            LogEffectWaits(Id, effect.GetType().Name, effect.OperationId, obstacle, wait.TotalSeconds);
        else if (_obstacle != obstacle)
            LogEffectFailed(fault!, Id, effect.GetType().Name, effect.OperationId, wait.TotalSeconds);
        _obstacle = obstacle;
    }

    private async Task FlushEventsAsync()
    {
        _flushing = true;
        try
        {
            var drop = await _events.FlushAsync(_state.Current!.Events);
            await _state.UpdateAsync(state => state! with { Events = drop(state.Events) });
        }
        catch (Exception e)
        {
            // The tail stays as it is and is tried again with the next event.
            LogEffectFailed(e, Id, "events", Id, 0);
        }
        finally
        {
            _flushing = false;
        }
    }

    /// <summary>A hint for the scheduler: a lost one is made up for by the next, and by every wake.</summary>
    private async void TellProgress(JobState state, string placementId)
    {
        try
        {
            await Pool.Progress(Id, placementId, JobViews.Remaining(state), state.Progress.CommittedStep, state.SaveSeconds, state.ReloadSeconds);
        }
        catch (Exception e)
        {
            LogEffectFailed(e, Id, "progress", placementId, _options.WakeEvery.TotalSeconds);
        }
    }
}
