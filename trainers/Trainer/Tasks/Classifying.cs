using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Training;
using FineTuneGrid.Models;
using FineTuneGrid.Models.Layers;
using FineTuneGrid.Models.Lora;

namespace FineTuneGrid.Trainer.Tasks;

/// <summary>Tells the classes of texts, a few at a time.</summary>
internal static class Classifying
{
    private const int AtOnce = 16;

    /// <exception cref="GridException"><c>unsupported_model</c>: the model tells no classes. <c>sequence_too_long</c>.</exception>
    public static IReadOnlyList<Classification> Run(CausalLm model, LoraAdapter? adapter, PromptReader reader, ClassificationTask task)
    {
        var classifier = model.Architecture.Classifier
            ?? throw new GridException(ErrorCodes.UnsupportedModel, "The model tells no classes; name an adapter of a job with objective.type 'classification'.", "model");
        List<Classification> results = [];
        foreach (var chunk in task.Inputs.Select((input, i) => Read(reader, input, i)).Chunk(AtOnce))
        {
            var batch = MicroBatch.OfClasses(
                [.. chunk.SelectMany(c => c.Ids)], [.. chunk.Select(c => c.Ids.Length)], new long[chunk.Length], classifier.FirstToken, [.. chunk.SelectMany(c => c.Types)]);
            foreach (var (logProbs, input) in model.ClassLogProbs(batch, adapter).Zip(chunk))
                results.Add(new Classification(classifier.Labels[Array.IndexOf(logProbs, logProbs.Max())], [.. logProbs.Select(Math.Exp)], input.Ids.Length));
        }
        return results;
    }

    private static (int[] Ids, int[] Types) Read(PromptReader reader, TextInput input, int number)
    {
        var read = reader.EncodeToClassify(input.Text, input.Pair);
        return read.Ids.Length > 0 ? read : throw new GridException(ErrorCodes.InvalidValue, $"input[{number}] has no tokens.", $"input[{number}]");
    }
}
