using FineTuneGrid.Models.Lora;

namespace FineTuneGrid.Models.Generation;

/// <summary>A prompt and what is written behind it.</summary>
/// <param name="prompt">Its ids; see <see cref="PromptCheck"/>.</param>
/// <param name="options">How to go on.</param>
/// <param name="index">Its number among those that share the options: draws differ by it.</param>
/// <param name="adapter">What is added to the base; null: nothing.</param>
public sealed class Sequence(int[] prompt, GenerationOptions options, int index = 0, LoraAdapter? adapter = null)
{
    private readonly List<int> _tokens = [];
    private readonly List<ScoredToken> _scored = [];
    private ScoredToken? _end;
    private bool _stopped;

    public IReadOnlyList<int> Prompt => prompt;

    public LoraAdapter? Adapter => adapter;

    /// <summary>Whether another token is to follow.</summary>
    public bool Alive { get; private set; } = options.MaxNewTokens > 0;

    public Continuation Result => new(_tokens, [.. _scored.Select(s => s.LogProb)], _stopped) { End = _end, Scored = _scored };

    /// <summary>No token follows, whatever the model says.</summary>
    public void End() => Alive = false;

    internal int[] Ids => prompt;

    internal int Last => _tokens.Count > 0 ? _tokens[^1] : 0;

    /// <summary>Prompt and continuation.</summary>
    internal int[] Everything => [.. prompt, .. _tokens];

    /// <summary>Where the last token stands.</summary>
    internal int Position => prompt.Length + Math.Max(0, _tokens.Count - 1);

    /// <summary>Chooses the next token.</summary>
    /// <param name="logits">Of the whole vocabulary.</param>
    /// <param name="context">The model's.</param>
    internal void Take(float[] logits, int context)
    {
        var id = TokenSampler.Choose(logits, options, index, _tokens.Count);
        var scored = TokenSampler.Score(logits, id, options.Alternatives);
        if (options.StopTokens.Contains(id))
        {
            _end = scored;
            _stopped = true;
            Alive = false;
            return;
        }

        _tokens.Add(id);
        _scored.Add(scored);
        _stopped = options.StopAfter?.Invoke(scored) == true;
        Alive = Alive && !_stopped && _tokens.Count < options.MaxNewTokens && prompt.Length + _tokens.Count < context;
    }
}
