using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Contracts.Training;
using FineTuneGrid.Models;
using FineTuneGrid.Models.Generation;
using FineTuneGrid.Models.Lora;
using FineTuneGrid.Shards;
using FineTuneGrid.Storage;
using FineTuneGrid.Trainer.Training;
using MicroBatch = FineTuneGrid.Models.Layers.MicroBatch;

namespace FineTuneGrid.Trainer.Tasks;

/// <summary>Loss over a tokenised data set and, where asked for, greedy completions compared with what the data says.</summary>
internal static class Evaluating
{
    private const int MicroBatchTokens = 2048;
    private const int MostSamples = 8;

    /// <summary>An example cut where its answer begins.</summary>
    private sealed record Question(int[] Prompt, int[] Expected);

    public static EvaluationReply Run(IBlobStore store, CausalLm model, LoraAdapter? adapter, PromptReader reader, EvaluationTask task)
    {
        if (task.Tokens.Format == DataFormats.Preference)
            throw new GridException(ErrorCodes.InvalidDataset, "dataset holds pairs of answers; a model is evaluated on what it is to say: give a data set of another format.", "dataset");
        using var tokens = TokenDataset.OpenAsync(store, task.Tokens).GetAwaiter().GetResult();
        var classifier = model.Architecture.Classifier;
        if (task.Tokens.Classes is null != classifier is null || (classifier is not null && !classifier.Labels.SequenceEqual(task.Tokens.Classes!)))
            throw new GridException(ErrorCodes.InvalidDataset, "dataset and model do not belong together: one has classes that the other has not.", "dataset");
        var (loss, supervised, _, classes) = Evaluator.Run(model, adapter, TrainingData.All(tokens, MicroBatchTokens, classifier), () => { });
        if (task.ExactMatchRows <= 0 || classifier is not null) return new EvaluationReply(loss, supervised, tokens.Count, null, []) { Classes = classes };
        Question[] questions = [.. Enumerable.Range(0, Math.Min(tokens.Count, task.ExactMatchRows)).Select(i => Ask(tokens, i)).OfType<Question>()];
        var (matches, samples) = Compare(model, adapter, reader, questions);
        return new EvaluationReply(loss, supervised, tokens.Count, questions.Length == 0 ? null : (double)matches / questions.Length, samples);
    }

    private static (int Matches, IReadOnlyList<EvaluationSample> Samples) Compare(CausalLm model, LoraAdapter? adapter, PromptReader reader, Question[] questions)
    {
        var (matches, samples) = (0, new List<EvaluationSample>());
        var generator = new TextGenerator(model);
        foreach (var chunk in questions.Chunk(Completing.AtOnce))
        {
            var options = new GenerationOptions { MaxNewTokens = chunk.Max(q => q.Expected.Length) + 8, StopTokens = [.. reader.StopIds] };
            foreach (var (question, continuation) in chunk.Zip(generator.Generate([.. chunk.Select(q => q.Prompt)], options, adapter)))
            {
                var (expected, got) = (reader.Decode(question.Expected).Trim(), reader.Decode(continuation.Tokens).Trim());
                var match = expected == got;
                matches += match ? 1 : 0;
                if (samples.Count < MostSamples) samples.Add(new EvaluationSample(reader.Decode(question.Prompt), expected, got, match));
            }
        }
        return (matches, samples);
    }

    /// <summary>The first run of supervised tokens, without the token that ends it; null where there is nothing before it to ask with.</summary>
    private static Question? Ask(TokenDataset tokens, int number)
    {
        var example = tokens[number];
        var start = example.Labels.IndexOfAnyExcept(MicroBatch.Ignored);
        if (start <= 0) return null;
        var rest = example.Labels[start..].IndexOf(MicroBatch.Ignored);
        var answer = rest < 0 ? example.Ids[start..] : example.Ids.Slice(start, rest);
        return new Question(example.Ids[..start].ToArray(), answer.ToArray());
    }
}
