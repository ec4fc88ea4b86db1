using System.Text.RegularExpressions;

namespace FineTuneGrid.Gateway.OpenAi.FineTuning;

/// <summary>From a job's own fields to the parameters of OpenAI's request that set them.</summary>
/// <param name="Hyperparameters">Path of the hyperparameters.</param>
/// <param name="Lora">Path of this grid's extension.</param>
/// <param name="OwnLearningRate">Whether the extension names a learning rate.</param>
internal sealed partial record ParameterNames(string Hyperparameters, string Lora, bool OwnLearningRate)
{
    public static ParameterNames Of(string method) => new($"method.{method}.hyperparameters", $"method.{method}.lora", OwnLearningRate: false);

    /// <summary>Null for a field that no parameter sets.</summary>
    public string? Find(string? field) => field switch
    {
        null => null,
        "base_model" => "model",
        "data.train" => "training_file",
        "data.validation" => "validation_file",
        "adapter" => "suffix",
        "objective.type" => "method.type",
        "objective.beta" => $"{Hyperparameters}.beta",
        "optimizer.seed" => "seed",
        "optimizer.epochs" => $"{Hyperparameters}.n_epochs",
        "optimizer.batch_size" => $"{Hyperparameters}.batch_size",
        "optimizer.learning_rate" when !OwnLearningRate => $"{Hyperparameters}.learning_rate_multiplier",
        _ => LoraSettings.NameOf(field) is { } setting ? $"{Lora}.{setting}" : null,
    };

    /// <summary>A message about a job's fields, in the words of the request.</summary>
    public string Translate(string message) => FieldPattern().Replace(message, match => Find(match.Value) ?? match.Value);

    [GeneratedRegex(@"\b(?:[a-z]+\.[a-z_]+|base_model|strict_serving)\b|\A(?:adapter|precision|mode)\b", RegexOptions.CultureInvariant)]
    private static partial Regex FieldPattern();
}
