using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Jobs;
using FineTuneGrid.Storage;

namespace FineTuneGrid.Grains.Jobs;

/// <summary>Two kept checkpoints, between which a job's training can be done again.</summary>
public sealed record ReplayWindow(CheckpointReference From, CheckpointReference To)
{
    /// <param name="kept">Newest first. Where a step was committed twice, after damage, its later commit counts.</param>
    /// <param name="from">Null: the kept one before <paramref name="to"/>.</param>
    /// <param name="to">Null: the kept one after <paramref name="from"/>, or the newest.</param>
    /// <exception cref="GridException"><c>conflict</c>: fewer than two are kept; <c>invalid_value</c>: a step that is not, or no window.</exception>
    public static ReplayWindow Choose(string jobId, CheckpointSpec spec, IReadOnlyList<CheckpointReference> kept, int? from, int? to)
    {
        CheckpointReference[] steps = [.. kept.DistinctBy(c => c.Step).OrderBy(c => c.Step)];
        if (steps.Length < 2)
            throw TooFew(jobId, spec, steps);
        var (first, last) = (Find(steps, from, "from_step"), Find(steps, to, "to_step"));
        var end = last ?? (first is null ? steps[^1] : steps.FirstOrDefault(c => c.Step > first.Step));
        var begin = first ?? steps.LastOrDefault(c => c.Step < end!.Step);
        if (end is null)
            throw Invalid($"from_step {from} is the newest kept checkpoint, so there is none to train to; kept are the steps {Names(steps)}.", "from_step");
        if (begin is null)
            throw Invalid($"to_step {to} is the oldest kept checkpoint, so there is none to train from; kept are the steps {Names(steps)}.", "to_step");
        if (begin.Step >= end.Step)
            throw Invalid($"from_step {from} must be below to_step {to}.", "from_step");
        return new ReplayWindow(begin, end);
    }

    private static CheckpointReference? Find(CheckpointReference[] steps, int? step, string field) => step is null
        ? null
        : steps.FirstOrDefault(c => c.Step == step) ?? throw Invalid($"No checkpoint of step {step} is kept; kept are the steps {Names(steps)}.", field);

    private static GridException TooFew(string jobId, CheckpointSpec spec, CheckpointReference[] steps)
    {
        var have = steps.Length == 0 ? "no checkpoint" : $"one checkpoint, of step {steps[0].Step}";
        var (fix, field) = spec.Keep < 2
            ? ($"checkpoint.keep is {spec.Keep}: submit the job with 2 or more", "checkpoint.keep")
            : ($"checkpoint.every_steps is {spec.EverySteps}: wait until the job has committed two, or submit it with a smaller number", "checkpoint.every_steps");
        return new GridException(ErrorCodes.Conflict, $"A resume is verified between two kept checkpoints, but {jobId} keeps {have}. {fix}.", field);
    }

    private static string Names(CheckpointReference[] steps) => string.Join(", ", steps.Select(c => c.Step));

    private static GridException Invalid(string message, string field) => new(ErrorCodes.InvalidValue, message, field);
}
