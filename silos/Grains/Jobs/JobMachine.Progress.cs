using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Jobs;
using FineTuneGrid.Contracts.Training;

namespace FineTuneGrid.Grains.Jobs;

/// <summary>Steps and checkpoints.</summary>
public static partial class JobMachine
{
    /// <summary>Weight of the newest step in the smoothed seconds per step.</summary>
    private const double Smoothing = 0.2;

    private static void Steps(JobEdit edit, JobSteps report)
    {
        var state = edit.State;
        StepMetrics[] fresh = [.. report.Steps.Where(s => s.Step > state.Progress.Step).OrderBy(s => s.Step)];
        if (fresh.Length == 0 || state.Status.IsTerminal())
            return;
        var seconds = state.StepSeconds;
        foreach (var step in fresh)
            seconds = seconds is { } before ? before + Smoothing * (step.Seconds - before) : step.Seconds;
        var last = fresh[^1];
        edit.Set(s => s with
        {
            StepSeconds = seconds,
            Progress = s.Progress with
            {
                Step = last.Step,
                Epoch = last.Epoch,
                Tokens = s.Progress.Tokens + fresh.Sum(f => f.Tokens),
                TokensPerSecond = fresh.Sum(f => f.Seconds) is > 0 and var spent ? fresh.Sum(f => f.Tokens) / spent : s.Progress.TokensPerSecond,
                EtaSeconds = seconds * Math.Max(0, s.Progress.TotalSteps - last.Step),
                TrainLoss = last.TrainLoss ?? s.Progress.TrainLoss,
                ValidLoss = fresh.LastOrDefault(f => f.ValidLoss is not null)?.ValidLoss ?? s.Progress.ValidLoss,
                Valid = fresh.LastOrDefault(f => f.Valid is not null)?.Valid ?? s.Progress.Valid,
            },
        });
        edit.Info(EventTypes.Metrics, Text(last, state.Progress.TotalSteps), new MetricsData([.. fresh]));
        foreach (var step in fresh)
            if (step.ValidLoss is { } loss)
                edit.Info(EventTypes.Evaluation, $"Step {step.Step}: validation loss {loss:0.0000}{Text(step.Valid)}.", new { step = step.Step, valid_loss = loss, valid = step.Valid });
    }

    private static string Text(ClassScores? scores) => scores is { } s ? $", accuracy {s.Accuracy:0.0000}, macro F1 {s.MacroF1:0.0000}" : "";

    private static void Committed(JobEdit edit, JobCommitted report)
    {
        var commit = new RecalledCommit(report.Epoch, report.Step, report.SamplesConsumed, report.ManifestKey, report.AdapterSha256, report.OptimizerSha256);
        if (Commit(edit, commit, report.Seconds))
            edit.Set(s => s with { SaveSeconds = report.Seconds });
    }

    /// <summary>
    /// Committed steps of trainers that died before they could tell. An attempt that was never heard of began before its first step;
    /// what older attempts told beyond that was never committed.
    /// </summary>
    private static void Recalled(JobEdit edit, JobRecalled report)
    {
        foreach (var steps in report.Steps.GroupBy(s => s.Attempt).OrderBy(a => a.Key))
        {
            var from = steps.Min(s => s.Step) - 1;
            if (steps.Key > edit.State.Events.Attempts.Select(a => a.Attempt).DefaultIfEmpty().Max() && from < edit.State.Progress.Step)
                edit.Set(s => s with
                {
                    Progress = s.Progress with { Step = from },
                    Events = s.Events with { Attempts = [.. s.Events.Attempts, new AttemptStart(steps.Key, from)] },
                });
            Steps(edit, new JobSteps(report.JobId, report.Epoch, [.. steps]));
        }
        foreach (var commit in report.Commits.OrderBy(c => c.Step))
            Commit(edit, commit, null);
    }

    /// <summary>False where it is known.</summary>
    private static bool Commit(JobEdit edit, RecalledCommit commit, double? seconds)
    {
        var state = edit.State;
        if (state.Status.IsTerminal() || state.Checkpoints.Any(c => c.Epoch == commit.Epoch && c.Step >= commit.Step))
            return false;
        var view = new CheckpointView(
            commit.Step, commit.Epoch, commit.SamplesConsumed, commit.AdapterSha256, commit.OptimizerSha256, commit.ManifestKey, edit.Now);
        edit.Set(s => s with
        {
            Progress = s.Progress with { CommittedStep = commit.Step },
            Checkpoints = [.. s.Checkpoints.TakeLast(JobState.MaxCheckpoints - 1), view],
        });
        edit.Info(EventTypes.Checkpoint, $"Step {commit.Step} is committed.", new
        {
            step = commit.Step,
            attempt = commit.Epoch,
            samples_consumed = commit.SamplesConsumed,
            adapter_sha256 = commit.AdapterSha256,
            optimizer_sha256 = commit.OptimizerSha256,
            seconds,
        });
        return true;
    }

    private static string Text(StepMetrics step, int total) => step.TrainLoss is { } loss
        ? $"Step {step.Step} of {total}: loss {loss:0.0000}."
        : $"Step {step.Step} of {total}.";
}

/// <summary>The data of a metrics event.</summary>
public sealed record MetricsData(IReadOnlyList<StepMetrics> Steps);
