using FineTuneGrid.Contracts;
using FineTuneGrid.Text;

namespace FineTuneGrid.Shards;

/// <summary>Turns checked rows into examples with one model's tokenizer and template. Safe for use from many threads.</summary>
public sealed class ExampleTokenizer(ModelText model, int vocabularySize)
{
    internal const string NothingToLearn = "no token is left to learn: all labels are masked";

    private readonly ChatRenderer _renderer = new(model);

    /// <exception cref="GridException">The template refuses the row.</exception>
    /// <exception cref="RowException">An id is outside the model's vocabulary, or nothing is left to learn.</exception>
    internal TrainingExample Tokenize(ParsedRow row) => row switch
    {
        PairRow pair => TrainingExample.Pair(One(pair.Chosen), One(pair.Rejected)),
        LabelledRow labelled => Labelled(labelled),
        _ => One(row),
    };

    private TrainingExample Labelled(LabelledRow row)
    {
        var (ids, types) = model.EncodeToClassify(row.Text, row.Pair);
        if (ids.Length == 0)
            throw new RowException("the text has no tokens");
        var largest = ids.Max();
        return largest < vocabularySize
            ? TrainingExample.OfClass(ids, types, row.Class)
            : throw new RowException($"the text has a token of id {largest}; the model's vocabulary ends at {vocabularySize - 1}");
    }

    private TrainingExample One(ParsedRow row)
    {
        var example = row switch
        {
            ChatRow chat => _renderer.Tokenize(chat.Messages, chat.Tools),
            CompletionRow pair => Completion(pair),
            TextRow text => Text(text.Text),
            TokensRow tokens => new TrainingExample(tokens.Ids, tokens.Labels ?? tokens.Ids),
            _ => throw new InvalidOperationException($"A row of an unknown kind: {row.GetType().Name}."),
        };
        CheckIds(example);
        // The first position has nothing before it to be predicted from.
        return example.Labels.Skip(1).Any(label => label != TrainingExample.Masked)
            ? example
            : throw new RowException(NothingToLearn);
    }

    private TrainingExample Completion(CompletionRow row)
    {
        var text = row.Prompt + row.Completion;
        var tokens = model.Tokenizer.EncodeWithOffsets(text, addSpecialTokens: false);
        var labels = ChatRenderer.Labels(tokens, [(row.Prompt.Length, text.Length)]);
        var masked = Enumerable.Repeat(TrainingExample.Masked, model.Tokenizer.Prefix.Count);
        var eos = Eos();
        return new TrainingExample([.. model.Tokenizer.Prefix, .. tokens.Ids, eos], [.. masked, .. labels, eos]);
    }

    private TrainingExample Text(string text)
    {
        int[] ids = [.. model.EncodePrompt(text), Eos()];
        return new TrainingExample(ids, ids);
    }

    private int Eos() => model.EosId ?? throw new GridException(ErrorCodes.InvalidTokenizer,
        "The model names no eos_token, so it could not learn to stop; add eos_token to its tokenizer_config.json.", "eos_token");

    private void CheckIds(TrainingExample example)
    {
        for (var i = 0; i < example.Ids.Length; i++)
        {
            var largest = Math.Max(example.Ids[i], example.Labels[i]);
            if (largest >= vocabularySize)
                throw new RowException($"token {i} has the id {largest}; the model's vocabulary ends at {vocabularySize - 1}");
        }
    }
}
