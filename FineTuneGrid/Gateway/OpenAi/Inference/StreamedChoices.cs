using FineTuneGrid.Contracts.Training;

namespace FineTuneGrid.Gateway.OpenAi.Inference;

/// <summary>
/// What of each choice was streamed. Pieces may get lost on their way; what does not follow on what was told is left out, and told with the rest
/// once the whole is there. So the streamed texts always are the whole ones.
/// </summary>
internal sealed class StreamedChoices(int count)
{
    private readonly (int Characters, int Tokens)[] _told = new (int, int)[count];

    /// <summary>Runs a task and sends its completions as they grow, and at the end what is left of each with the reason of its end.</summary>
    /// <param name="count">Completions that there will be.</param>
    /// <param name="run">Runs the task, and tells what is heard of it meanwhile.</param>
    /// <param name="send">Sends a piece; with a reason it is the completion's last.</param>
    public static async Task<IReadOnlyList<Completion>> RunAsync(
        int count, Func<Func<IReadOnlyList<CompletionPiece>, Task>, Task<IReadOnlyList<Completion>>> run, Func<CompletionPiece, string?, Task> send)
    {
        var streamed = new StreamedChoices(count);
        var completions = await run(async pieces =>
        {
            foreach (var piece in pieces.Where(streamed.Take)) await send(piece, null);
        });
        for (var i = 0; i < completions.Count; i++) await send(streamed.Rest(i, completions[i]), completions[i].FinishReason);
        return completions;
    }

    /// <summary>Whether the piece follows on what was told; it counts as told then.</summary>
    public bool Take(CompletionPiece piece)
    {
        if (piece.Index < 0 || piece.Index >= _told.Length || (piece.At, piece.Token) != _told[piece.Index]) return false;
        _told[piece.Index] = (piece.At + piece.Text.Length, piece.Token + (piece.Logprobs?.Tokens.Count ?? 0));
        return true;
    }

    /// <summary>What was not told yet of a choice.</summary>
    public CompletionPiece Rest(int index, Completion whole)
    {
        var (characters, tokens) = _told[index];
        return new CompletionPiece(index, characters, whole.Text[characters..], tokens, whole.Logprobs is { } all ? From(all, tokens) : null);
    }

    private static CompletionLogprobs From(CompletionLogprobs all, int first) => new(
        [.. all.Tokens.Skip(first)], [.. all.TokenLogprobs.Skip(first)], all.TopLogprobs is { } top ? [.. top.Skip(first)] : null, [.. all.TextOffset.Skip(first)]);
}
