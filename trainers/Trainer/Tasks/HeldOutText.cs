using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Training;
using FineTuneGrid.Models.Architectures;
using FineTuneGrid.Models.Numerics;
using FineTuneGrid.Shards;
using FineTuneGrid.Storage;

namespace FineTuneGrid.Trainer.Tasks;

/// <summary>Token sequences to measure an export on.</summary>
/// <param name="Name">What they are, for the report.</param>
internal sealed record HeldOutText(string Name, IReadOnlyList<int[]> Sequences)
{
    private const int Longest = 256;
    private const int MostSequences = 8;

    /// <summary>Tokens below which a tokenizer counts as one that does not encode text.</summary>
    private const int Enough = 64;

    /// <summary>Prose, dialogue, numbers, code, other scripts: written for this purpose, so that no model was trained on it.</summary>
    private static readonly string[] Passages =
    [
        "The ferry had been late all week, and by Thursday nobody on the quay pretended to be surprised. A boy in a green coat counted the gulls, "
            + "lost his place at nineteen, and began again. \"You could count the boats instead,\" said his aunt. \"There is only one,\" he answered, \"and it isn't here.\"",
        "Invoice 20731: 14 boxes of lamp oil at 8.75 each, 3 coils of rope at 12.40, delivery 6.00. Total due within 30 days: 165.70. "
            + "If the sum differs from your order of 2 May, write to us before the 21st; later claims cost 1.5 % a month.",
        "def slowest(times, limit=3):\n    \"\"\"The names of the slowest runs.\"\"\"\n    ranked = sorted(times.items(), key=lambda pair: -pair[1])\n"
            + "    return [name for name, _ in ranked[:limit] if times[name] > 0]\n\nprint(slowest({\"a\": 1.25, \"b\": 0.5, \"c\": 9}))\n",
        "Question: a tank holds 240 litres and leaks 3 litres an hour. How long until a third of it is gone?\nAnswer: a third is 80 litres, and 80 / 3 is about 26.7, "
            + "so after 26 hours and 40 minutes.\n\nDer Zug fährt um 7:05 Uhr ab. La réunion est reportée à jeudi. El río crece en abril. 明日は雨が降るでしょう。",
    ];

    /// <summary>The program's own passages; for a tokenizer that makes nothing of text, ids drawn from a fixed seed.</summary>
    public static HeldOutText BuiltIn(PromptReader reader, Architecture architecture)
    {
        var most = Math.Min(Longest, architecture.ContextLength);
        int[][] encoded = [.. Passages.Select(p => reader.Encode(p, chat: false)).Where(ids => ids.Length > 0).Select(ids => ids[..Math.Min(ids.Length, most)])];
        if (encoded.Sum(ids => ids.Length) >= Enough)
            return new HeldOutText("built-in", encoded);
        var draws = new float[MostSequences * most];
        CounterRng.Stream(0, "held out").FillUniform(draws, 1, 0);
        int[] ids = [.. draws.Select(d => Math.Clamp((int)((d + 1) / 2 * architecture.VocabSize), 0, architecture.VocabSize - 1))];
        return new HeldOutText("random ids", [.. ids.Chunk(most)]);
    }

    /// <summary>The first examples of a tokenised data set, as far as the model reads at once.</summary>
    /// <exception cref="GridException"><c>empty_dataset</c>.</exception>
    public static HeldOutText Of(IBlobStore store, ExportTask task, Architecture architecture)
    {
        using var tokens = TokenDataset.OpenAsync(store, task.Text!).GetAwaiter().GetResult();
        var most = Math.Min(Longest, architecture.ContextLength);
        int[][] sequences = [.. Enumerable.Range(0, Math.Min(tokens.Count, MostSequences)).Select(i => tokens[i].Ids.ToArray()).Select(ids => ids[..Math.Min(ids.Length, most)]).Where(ids => ids.Length > 0)];
        return sequences.Length > 0 ? new HeldOutText(task.TextName ?? "data set", sequences)
            : throw new GridException(ErrorCodes.EmptyDataset, "dataset has no examples to measure the export on.", "dataset");
    }
}
