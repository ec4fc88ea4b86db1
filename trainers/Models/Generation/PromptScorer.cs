using FineTuneGrid.Contracts;
using FineTuneGrid.Models.Layers;
using FineTuneGrid.Models.Lora;
using static TorchSharp.torch;

namespace FineTuneGrid.Models.Generation;

/// <summary>What a model thinks of given tokens: the log-probability of each after those before it.</summary>
public sealed class PromptScorer(CausalLm model)
{
    // Rows of logits that are in memory at once.
    private const int RowsAtOnce = 64;

    /// <param name="likeliest">How many of the likeliest tokens to note at each place.</param>
    /// <returns>Per prompt one entry a token from its second on: nothing is known of the first.</returns>
    /// <exception cref="GridException"><c>invalid_value</c> or <c>sequence_too_long</c>, naming the prompt.</exception>
    public IReadOnlyList<IReadOnlyList<ScoredToken>> Score(
        IReadOnlyList<int[]> prompts, int likeliest, LoraAdapter? adapter = null, CancellationToken cancellation = default)
    {
        if (prompts.Count == 0)
            return [];
        PromptCheck.Check(prompts, model.Architecture.ContextLength, model.Architecture);
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        using var layout = PackedLayout.Create([.. prompts.Select(p => p.Length)], model.Weights.Device);
        using var pass = new ForwardPass(model.Weights, layout, adapter);
        var hidden = model.Hidden(pass, tensor([.. prompts.SelectMany(p => p.Select(t => (long)t))]).to(model.Weights.Device));
        List<IReadOnlyList<ScoredToken>> results = [];
        var offset = 0L;
        foreach (var prompt in prompts)
        {
            List<ScoredToken> scored = new(prompt.Length);
            for (var from = 0; from < prompt.Length - 1; from += RowsAtOnce)
            {
                cancellation.ThrowIfCancellationRequested();
                var count = Math.Min(RowsAtOnce, prompt.Length - 1 - from);
                Rows(hidden.narrow(0, offset + from, count), adapter, prompt.AsSpan(from + 1, count), likeliest, scored);
            }
            results.Add(scored);
            offset += prompt.Length;
        }
        return results;
    }

    private void Rows(Tensor hidden, LoraAdapter? adapter, ReadOnlySpan<int> next, int likeliest, List<ScoredToken> into)
    {
        using var scope = NewDisposeScope();
        var logits = model.HeadLogits(hidden, adapter).cpu().contiguous();
        var width = (int)logits.size(1);
        var flat = logits.data<float>().ToArray();
        for (var row = 0; row < next.Length; row++)
            into.Add(TokenSampler.Score(flat.AsSpan(row * width, width), next[row], likeliest));
    }
}
