namespace FineTuneGrid.Gateway.OpenAi.FineTuning;

/// <summary>What <c>auto</c> stands for, as functions of the number of training examples (null where nobody has counted them).</summary>
internal static class AutoSettings
{
    private const int UsualEpochs = 3;
    private const int FewExamples = 100;
    private const int ManyExamples = 25_000;
    private const int MostEpochs = 25;
    private const int UsualBatch = 16;
    private const int LeastStepsOfAnEpoch = 8;
    private const int MostStepsBetweenCheckpoints = 50;

    /// <summary>Three passes; more where so few examples would be seen under 100 times in all, fewer where many would be seen over 25,000 times.</summary>
    public static int Epochs(long? examples) => examples switch
    {
        null or <= 0 => UsualEpochs,
        { } n when n * UsualEpochs < FewExamples => (int)Math.Clamp(FewExamples / n, UsualEpochs, MostEpochs),
        { } n when n * UsualEpochs > ManyExamples => (int)Math.Clamp(ManyExamples / n, 1, UsualEpochs),
        _ => UsualEpochs,
    };

    /// <summary>16 examples a step, fewer where an epoch would have under eight steps.</summary>
    public static int BatchSize(long? examples) => examples is { } n ? (int)Math.Clamp(n / LeastStepsOfAnEpoch, 1, UsualBatch) : UsualBatch;

    /// <summary>A checkpoint at the end of each epoch; every 50 steps where epochs are longer.</summary>
    public static int CheckpointSteps(long? examples, int? batch) => examples is > 0 and { } n && batch is { } size
        ? (int)Math.Min((n + size - 1) / size, MostStepsBetweenCheckpoints)
        : MostStepsBetweenCheckpoints;
}
