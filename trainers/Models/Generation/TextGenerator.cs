using FineTuneGrid.Contracts;
using FineTuneGrid.Models.Layers;
using FineTuneGrid.Models.Lora;
using static TorchSharp.torch;

namespace FineTuneGrid.Models.Generation;

/// <summary>Continues prompts token by token, a batch at a time, with cached keys and values.</summary>
public sealed class TextGenerator(CausalLm model)
{
    /// <summary>Continues each prompt until a stop token, the limit, or the model's context ends it.</summary>
    /// <exception cref="GridException"><c>invalid_value</c>: a prompt is empty. <c>sequence_too_long</c>: a prompt fills the context.</exception>
    public IReadOnlyList<Continuation> Generate(
        IReadOnlyList<int[]> prompts, GenerationOptions options, LoraAdapter? adapter = null, CancellationToken cancellation = default)
    {
        if (prompts.Count == 0)
            return [];
        PromptCheck.Check(prompts, model.Architecture.ContextLength - 1, model.Architecture);
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        var architecture = model.Architecture;
        var capacity = Math.Min(architecture.ContextLength, prompts.Max(p => p.Length) + options.MaxNewTokens);
        using var cache = new KeyValueCache(architecture.LayerCount, prompts.Count, capacity);
        Growing[] all = [.. prompts.Select((p, i) => new Growing(i, p, options.MaxNewTokens > 0))];
        var logits = Prefill(prompts, cache, adapter);
        while (true)
        {
            cancellation.ThrowIfCancellationRequested();
            foreach (var sequence in all.Where(s => s.Alive))
                sequence.Take(logits[sequence.Index], options, architecture.ContextLength);
            if (!all.Any(s => s.Alive))
                return [.. all.Select(s => s.Result)];
            // Where a sequence's length decides its rotations, cached keys go stale when it grows.
            logits = all.Any(s => s.Alive && architecture.Rotary?.Changes(s.Position, s.Position + 1) == true)
                ? Prefill([.. all.Select(s => s.Everything)], cache, adapter)
                : Step(all, cache, adapter);
        }
    }

    private float[][] Prefill(IReadOnlyList<int[]> prompts, KeyValueCache cache, LoraAdapter? adapter)
    {
        using var scope = NewDisposeScope();
        int[] lengths = [.. prompts.Select(p => p.Length)];
        using var layout = PackedLayout.Create(lengths, model.Weights.Device, cache);
        long[] ends = new long[lengths.Length];
        for (var i = 0; i < ends.Length; i++)
            ends[i] = (i == 0 ? -1 : ends[i - 1]) + lengths[i];
        return Run(layout, adapter, [.. prompts.SelectMany(p => p.Select(t => (long)t))], ends);
    }

    /// <summary>One token of every sequence; finished ones repeat their last cell, whose result nobody reads.</summary>
    private float[][] Step(Growing[] all, KeyValueCache cache, LoraAdapter? adapter)
    {
        using var scope = NewDisposeScope();
        using var layout = DecodeLayout.Create(cache, [.. all.Select(s => s.Position)], model.Weights.Device);
        return Run(layout, adapter, [.. all.Select(s => (long)s.Last)], null);
    }

    private float[][] Run(SequenceLayout layout, LoraAdapter? adapter, long[] tokens, long[]? rows)
    {
        using var pass = new ForwardPass(model.Weights, layout, adapter);
        var hidden = model.Hidden(pass, tensor(tokens).to(model.Weights.Device));
        if (rows is not null)
            hidden = hidden.index_select(0, tensor(rows).to(model.Weights.Device));
        var logits = model.HeadLogits(hidden, adapter).cpu().contiguous();
        var width = (int)logits.size(1);
        var flat = logits.data<float>().ToArray();
        return [.. flat.Chunk(width)];
    }

    private sealed class Growing(int index, int[] prompt, bool alive)
    {
        private readonly List<int> _tokens = [];
        private readonly List<float> _logProbs = [];
        private readonly List<ScoredToken> _scored = [];
        private ScoredToken? _end;
        private bool _stopped;

        public int Index => index;

        public bool Alive { get; private set; } = alive;

        public int Last => _tokens.Count > 0 ? _tokens[^1] : 0;

        /// <summary>Prompt and continuation.</summary>
        public int[] Everything => [.. prompt, .. _tokens];

        /// <summary>Where the last token stands.</summary>
        public int Position => prompt.Length + Math.Max(0, _tokens.Count - 1);

        public Continuation Result => new(_tokens, _logProbs, _stopped) { End = _end, Scored = _scored };

        public void Take(float[] logits, GenerationOptions options, int context)
        {
            var id = TokenSampler.Choose(logits, options, options.FirstPrompt + index, _tokens.Count);
            if (options.StopTokens.Contains(id))
            {
                _end = TokenSampler.Score(logits, id, options.Alternatives);
                _stopped = true;
                Alive = false;
                return;
            }

            _tokens.Add(id);
            _logProbs.Add(TokenSampler.LogProb(logits, id));
            if (options.Alternatives > 0)
                _scored.Add(TokenSampler.Score(logits, id, options.Alternatives));
            _stopped = options.StopWhen?.Invoke(_tokens) == true;
            Alive = !_stopped && _tokens.Count < options.MaxNewTokens && prompt.Length + _tokens.Count < context;
        }
    }
}
