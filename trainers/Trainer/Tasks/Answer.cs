using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Training;
using FineTuneGrid.Models;
using FineTuneGrid.Models.Generation;
using FineTuneGrid.Models.Lora;

namespace FineTuneGrid.Trainer.Tasks;

/// <summary>A completion task worked out: the ids of its prompts, checked, and its completions, which others let grow.</summary>
internal sealed class Answer
{
    private readonly CausalLm _model;
    private readonly LoraAdapter? _adapter;
    private readonly PromptReader _reader;
    private readonly CompletionTask _task;
    private readonly int[][] _prompts;
    private readonly Choice?[] _choices;

    /// <exception cref="GridException"><c>invalid_value</c>, <c>sequence_too_long</c> or <c>invalid_template</c>: a prompt cannot be continued; <c>unsupported_model</c>: the model writes no text.</exception>
    public Answer(CausalLm model, LoraAdapter? adapter, PromptReader reader, CompletionTask task)
    {
        (_model, _adapter, _reader, _task) = (model, adapter, reader, task);
        _prompts = task.Messages is { } messages ? [reader.EncodeChat(messages)]
            : task.PromptTokens is { } ids ? [.. ids.Select(p => p.ToArray())] : [.. task.Prompts.Select(p => reader.Encode(p, task.Chat))];
        PromptCheck.Check(_prompts, model.Architecture.ContextLength - (task.MaxTokens > 0 ? 1 : 0), model.Architecture);
        _choices = new Choice?[_prompts.Length * task.N];
    }

    public int Count => _choices.Length;

    /// <summary>Tokens that the largest completion may have with its prompt.</summary>
    public int MostTokens => Math.Min(_model.Architecture.ContextLength, _prompts.Max(p => p.Length) + _task.MaxTokens);

    /// <summary>Begins the next completions, at most so many; scores their prompts where that was asked for.</summary>
    public IReadOnlyList<Choice> Begin(int from, int count)
    {
        int[] indexes = [.. Enumerable.Range(from, Math.Min(count, Count - from))];
        var prompts = indexes.Select(i => i / _task.N).Distinct().ToList();
        var scores = _task is { Echo: true, Logprobs: { } likeliest }
            ? new PromptScorer(_model).Score([.. prompts.Select(p => _prompts[p])], likeliest, _adapter) : null;
        foreach (var index in indexes)
        {
            var prompt = index / _task.N;
            var text = _task.PromptTokens is null && _task.Messages is null && !_task.Chat ? _task.Prompts[prompt] : null;
            var writer = new CompletionWriter(_reader, _task, text, _prompts[prompt], scores?[prompts.IndexOf(prompt)]);
            _choices[index] = new Choice(index, prompt, new Sequence(_prompts[prompt], Options(writer), index, _adapter), writer);
        }
        return [.. indexes.Select(i => _choices[i]!)];
    }

    /// <summary>Every completion, when all have ended.</summary>
    public IReadOnlyList<Completion> Completions() => [.. _choices.Select(c => c!.Result)];

    private GenerationOptions Options(CompletionWriter writer) => new()
    {
        MaxNewTokens = _task.MaxTokens,
        Temperature = _task.Temperature,
        TopK = _task.TopK,
        TopP = _task.TopP,
        Seed = _task.Seed,
        StopTokens = [.. _reader.StopIds],
        StopAfter = writer.Add,
        Alternatives = _task.Logprobs ?? 0,
    };
}
