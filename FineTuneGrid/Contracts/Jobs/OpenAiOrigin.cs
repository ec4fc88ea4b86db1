namespace FineTuneGrid.Contracts.Jobs;

/// <summary>What a job of OpenAI's fine-tuning API was asked for in words that a <see cref="JobSpec"/> does not keep.</summary>
/// <param name="TrainingFile">As the caller named it: a file's id, or a registered data set.</param>
/// <param name="LearningRateMultiplier">Its product with <paramref name="BaseLearningRate"/> is the job's learning rate.</param>
public sealed record OpenAiOrigin(string TrainingFile, string? ValidationFile, double LearningRateMultiplier, double BaseLearningRate);
