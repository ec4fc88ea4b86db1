using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Nodes;
using FineTuneGrid.Grains.Planning;
using FineTuneGrid.Storage;
using Orleans;

namespace FineTuneGrid.Grains.Jobs;

/// <summary>Carries out effects. Each ends in an input for the machine, or in an exception and is tried again.</summary>
public sealed class JobEffectRunner(IGrainFactory grains, JobResolver resolver, JobPublisher publisher, IJobCheckpoints checkpoints, JobAnnouncer announcer)
{
    /// <summary>Crashes of the planning process that a job outlives.</summary>
    private const int PlanCrashes = 3;

    private IPoolGrain Pool => grains.GetGrain<IPoolGrain>(PoolKeys.Default);

    public Task<JobPlan> ResolveAsync(string jobId, JobSubmission submission) => resolver.ResolveAsync(jobId, submission);

    public Task FenceAsync(string jobId, int epoch) => checkpoints.FenceAsync(jobId, epoch);

    public Task<IReadOnlyList<CheckpointReference>> KeptAsync(string jobId, int keep) => checkpoints.KeptAsync(jobId, keep);

    /// <summary>
    /// What an effect that failed before would fail on again, or null. Thousands of jobs may wait for a node: they ask for that
    /// alone, and without an exception each.
    /// </summary>
    public async Task<string?> ObstacleAsync(JobState state, JobEffect effect) =>
        effect is ResolveEffect ? (await resolver.FindPlaceAsync(state.Submission.Spec)).Refusal?.Message : null;

    /// <param name="crashes">How often a process that it needed ended without an answer.</param>
    public async Task<JobInput> PerformAsync(JobState state, JobEffect effect, int crashes)
    {
        switch (effect)
        {
            case ResolveEffect:
                return await ResolveAsync(state, crashes);
            case PublishEffect:
                return await PublishAsync(state);
            case UseEffect e:
                await UseAsync(state, e.InUse);
                break;
            case EnqueueEffect:
                await Pool.Enqueue(JobViews.Request(state));
                break;
            case StartedEffect e:
                await Pool.Started(state.Id, e.PlacementId, e.Epoch);
                break;
            case PauseEffect e:
                await Pool.SetPaused(state.Id, e.Paused);
                break;
            case CancelEffect:
                await Pool.Cancel(state.Id);
                break;
            case ReleaseEffect e:
                await Pool.Release(e.Release);
                break;
            case CloseEffect:
                await Pool.Close(state.Id);
                break;
            case AnnounceEffect:
                await announcer.AnnounceAsync(state);
                break;
            case FenceEffect e:
                await checkpoints.FenceAsync(state.Id, e.Epoch);
                break;
            case StartWorkerEffect e:
                await StartWorkerAsync(state, e);
                break;
            case StopTrainerEffect e:
                await SendAsync(e.NodeId, new StopJob(e.SessionId, state.Id, e.Epoch, e.Checkpoint, e.Reason) { OperationId = e.OperationId });
                break;
            case KillSessionEffect e:
                await SendAsync(e.NodeId, new StopSession(e.SessionId, Kill: true, e.Reason) { OperationId = e.OperationId });
                break;
            default:
                throw new ArgumentException($"There is no way to carry out {effect.GetType().Name}.", nameof(effect));
        }
        return new EffectDone(effect.OperationId);
    }

    private async Task<JobInput> ResolveAsync(JobState state, int crashes)
    {
        try
        {
            return new Resolved(await resolver.ResolveAsync(state.Id, state.Submission));
        }
        // A process that ended without an answer: killed with its machine, or by what it was to plan. The second would happen again.
        catch (GridException e) when (IsFinal(e.Code) && (e.Code != ErrorCodes.TrainerCrashed || crashes >= PlanCrashes))
        {
            await resolver.ForgetUsesAsync(state.Id, state.Submission);
            return new ResolveFailed(e.ToError());
        }
    }

    private async Task<JobInput> PublishAsync(JobState state)
    {
        try
        {
            return new Published(await publisher.PublishAsync(state));
        }
        catch (GridException e) when (IsFinal(e.Code))
        {
            return new PublishRefused(e.ToError());
        }
    }

    private async Task UseAsync(JobState state, bool inUse)
    {
        if (state.Plan?.Resolved is not { } resolved)
            return;
        foreach (var model in new[] { resolved.ModelId, resolved.TokenizerModelId }.OfType<string>().Distinct())
            await grains.GetGrain<IModelGrain>(model).Use(state.Id, inUse);
        foreach (var dataset in new[] { resolved.TrainDatasetId, resolved.ValidationDatasetId }.OfType<string>().Distinct())
            await grains.GetGrain<IDatasetGrain>(dataset).Use(state.Id, inUse);
    }

    /// <summary>The same operation id whoever sends it and however often: one start.</summary>
    private async Task StartWorkerAsync(JobState state, StartWorkerEffect effect)
    {
        if (state.Placement is not { StopReason: null, Meeting: not null } placement || placement.Epoch != effect.Epoch || placement.IsGone(effect.Rank))
            return;
        var start = new StartJob(placement.SessionOf(effect.Rank), placement.SlotOf(effect.Rank), JobViews.WorkerOrder(state, placement, effect.Rank));
        await SendAsync(placement.NodeOf(effect.Rank), start with { OperationId = $"start-{state.Id}-{effect.Epoch}-{effect.Rank}" });
    }

    private Task SendAsync(string node, NodeCommand command) => grains.GetGrain<INodeGrain>(node).Send(command);

    /// <summary>Whether trying again cannot help: the input is at fault, not the moment.</summary>
    private static bool IsFinal(string code) =>
        code is not (ErrorCodes.Unavailable or ErrorCodes.InsufficientStorage or ErrorCodes.RateLimited or ErrorCodes.Conflict
            or ErrorCodes.PreconditionFailed or ErrorCodes.LeaseLost or ErrorCodes.NodeLost or ErrorCodes.Internal);
}
