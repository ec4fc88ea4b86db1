using FineTuneGrid.Contracts.Training;
using FineTuneGrid.Trainer.Tasks;

namespace FineTuneGrid.Trainer.Serving;

/// <summary>A task that is being answered: which of its completions wait, grow and have ended.</summary>
/// <param name="release">Called once, when it needs its adapter no longer.</param>
internal sealed class Question(string taskId, string folder, bool stream, Answer answer, Action release)
{
    private readonly List<Choice> _growing = [];
    private int _begun;

    public string TaskId => taskId;

    /// <summary>Where the reply goes.</summary>
    public string Folder => folder;

    public int Growing => _growing.Count;

    public bool HasWaiting => _begun < answer.Count;

    public bool IsAnswered => !HasWaiting && _growing.Count == 0;

    /// <summary>Tokens that its largest completion may have with the prompt.</summary>
    public int MostTokens => answer.MostTokens;

    public IReadOnlyList<Choice> Begin(int count)
    {
        var choices = answer.Begin(_begun, count);
        _begun += choices.Count;
        _growing.AddRange(choices);
        return choices;
    }

    /// <summary>What there is to tell since the last token, and forgets what has ended with it.</summary>
    public TaskPieces? Advance()
    {
        CompletionPiece[] pieces = stream ? [.. _growing.Select(c => c.Tell()).OfType<CompletionPiece>()] : [];
        _growing.RemoveAll(c => !c.Sequence.Alive);
        return pieces.Length > 0 ? new TaskPieces(taskId, pieces) : null;
    }

    public TrainerTaskReply Reply() => new(taskId, Completions: answer.Completions());

    /// <summary>Its completions take no further token.</summary>
    public void End()
    {
        foreach (var choice in _growing) choice.Sequence.End();
        release();
    }
}
