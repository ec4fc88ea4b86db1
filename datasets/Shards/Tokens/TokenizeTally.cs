using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Text;

namespace FineTuneGrid.Shards;

/// <summary>Counts of one tokenisation, and the refusals that only the whole data set can decide.</summary>
/// <param name="classified">Each example is learnt as one label.</param>
internal sealed class TokenizeTally(int limit, int sequenceLength, int contextLength, bool classified)
{
    private const string Field = "data.train";

    private readonly FindingList _faults = new();
    private readonly FindingList _long = new();
    private readonly LengthCount _lengths = new();
    private bool _learnsToStop;

    public long Examples { get; private set; }

    public long Tokens { get; private set; }

    public long Supervised { get; private set; }

    public int Longest { get; private set; }

    public bool Refused => _faults.Count > 0 || _long.Count > 0;

    /// <summary>Tokens of each example, as far as one sequence holds them.</summary>
    public LengthHistogram? Lengths => _lengths.ToHistogram();

    public void Problem(string file, NumberedRow row, string problem) => _faults.Add(file, row.Row, problem, row.Value);

    public void Add(string file, NumberedRow row, TrainingExample example, IReadOnlySet<int> stops)
    {
        Examples++;
        Tokens += example.Ids.Length;
        var longest = TrainingExample.Lengths(example.Labels).Max();
        Longest = Math.Max(Longest, longest);
        _lengths.Add(longest);
        if (longest > limit)
            _long.Add(file, row.Row, $"{longest} tokens", row.Value);
        if (classified)
        {
            Supervised++;
            return;
        }
        for (var i = 1; i < example.Labels.Length; i++)
        {
            if (example.Labels[i] < 0)
                continue;
            Supervised++;
            _learnsToStop |= stops.Contains(example.Labels[i]);
        }
    }

    public void Conclude(RowFormat format, ModelText model)
    {
        var masked = _faults.Count > 0 && Examples == 0 && _faults.AllAre(ExampleTokenizer.NothingToLearn);
        _faults.ThrowIfAny(masked ? ErrorCodes.NoTrainableTokens : ErrorCodes.InvalidDataset, Field, $"Mend or remove these rows (format '{format.Name}').");
        if (_long.Count > 0)
            ThrowTooLong();
        if (Examples == 0)
            throw new GridException(ErrorCodes.EmptyDataset, "The data set has no rows.", Field);
        if (!format.NeedsStop || _learnsToStop)
            return;
        if (model.StopIds.Count == 0)
            throw new GridException(ErrorCodes.InvalidTokenizer, "The model names no eos token, so it could not learn to stop; add eos_token to its tokenizer_config.json.", "base_model");
        var names = string.Join(", ", model.StopIds.Order().Select(id => $"'{model.Tokenizer.TokenOf(id)}' ({id})"));
        throw new GridException(ErrorCodes.NoTrainableTokens,
            $"No example teaches the model to stop: none of its end tokens {names} is ever in what the assistant says. "
            + "End the assistant's turn with one of them in the chat template, or name the token that the template ends turns with as eos_token.", "base_model");
    }

    // Examples are never cut silently: a cut example teaches the model to stop nowhere.
    private void ThrowTooLong()
    {
        var fix = contextLength > 0 && Longest > contextLength
            ? $"The model's context ends at {contextLength}; shorten or split these rows."
            : $"Set data.sequence_length to at least {Longest}{(contextLength > 0 ? $" (the model's context is {contextLength})" : "")}, or shorten these rows.";
        var bound = limit < sequenceLength ? $"the model's context of {limit}" : $"data.sequence_length {limit}";
        _long.ThrowIfAny(ErrorCodes.SequenceTooLong, "data.sequence_length",
            $"{_long.Count} of {Examples} examples are longer than {bound} tokens; the longest has {Longest}. Nothing is cut silently. {fix}");
    }
}
