using FineTuneGrid.Models.Layers;

namespace FineTuneGrid.Trainer.Training;

/// <summary>
/// The micro-batches of each optimizer step: a pure function of the data, the spec and the cursor. Their content does not
/// depend on how many workers run them, nor on where a run was resumed.
/// </summary>
internal interface ITrainingData : IDisposable
{
    int TotalSteps { get; }

    /// <summary>The step that begins after this many samples.</summary>
    StepBatch Next(long samplesConsumed);
}

/// <param name="MicroBatches">In canonical order; made one at a time.</param>
/// <param name="SamplesConsumed">The cursor after the step.</param>
/// <param name="Tokens">Supervised and context tokens; there is no padding.</param>
/// <param name="Epoch">Passes over the data after the step.</param>
internal sealed record StepBatch(IReadOnlyList<Func<MicroBatch>> MicroBatches, long SamplesConsumed, long Tokens, double Epoch);
