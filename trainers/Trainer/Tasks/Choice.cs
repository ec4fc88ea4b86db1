using FineTuneGrid.Contracts.Training;
using FineTuneGrid.Models.Generation;

namespace FineTuneGrid.Trainer.Tasks;

/// <summary>One completion of a task while it grows.</summary>
/// <param name="Index">Its number in the reply.</param>
/// <param name="Prompt">Number of its prompt.</param>
internal sealed record Choice(int Index, int Prompt, Sequence Sequence, CompletionWriter Writer)
{
    private Completion? _result;

    /// <summary>To be read when nothing follows any more.</summary>
    public Completion Result => _result ??= Writer.Finish(Sequence.Result);

    public CompletionPiece? Tell() => Writer.Tell(Index);
}
