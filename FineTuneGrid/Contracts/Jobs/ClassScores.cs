namespace FineTuneGrid.Contracts.Jobs;

/// <summary>How well a classifier tells the classes of a data set.</summary>
/// <param name="Accuracy">Share of the examples whose likeliest class is theirs.</param>
/// <param name="MacroF1">Mean of the F1 scores of the classes that the data set has or the model names; a class without a hit has 0.</param>
public sealed record ClassScores(double Accuracy, double MacroF1);
