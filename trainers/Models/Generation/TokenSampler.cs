using FineTuneGrid.Models.Numerics;

namespace FineTuneGrid.Models.Generation;

/// <summary>Chooses the next token from logits. A pure function of the logits, the options and (prompt, step).</summary>
public static class TokenSampler
{
    public static int Choose(ReadOnlySpan<float> logits, GenerationOptions options, int prompt, int step)
    {
        if (options.Temperature <= 0)
            return ArgMax(logits);
        var weights = Softmax(logits, options.Temperature);
        int[] order = [.. Enumerable.Range(0, weights.Length).OrderByDescending(i => weights[i]).ThenBy(i => i)];
        var (count, mass) = Nucleus(order.AsSpan(0, options.TopK > 0 ? Math.Min(options.TopK, order.Length) : order.Length), weights, options.TopP);
        var target = CounterRng.Stream(options.Seed, $"sample/{prompt}").Uniform(step) * mass;
        double seen = 0;
        for (var i = 0; i < count; i++)
        {
            seen += weights[order[i]];
            if (target < seen)
                return order[i];
        }

        return order[count - 1];
    }

    /// <summary>Log-probability of one id.</summary>
    public static float LogProb(ReadOnlySpan<float> logits, int id)
    {
        double max = logits[ArgMax(logits)], sum = 0;
        foreach (var z in logits)
            sum += Math.Exp(z - max);
        return (float)(logits[id] - max - Math.Log(sum));
    }

    /// <summary>An id's log-probability, and those of the likeliest ids: falling, the lower id first among equals.</summary>
    public static ScoredToken Score(ReadOnlySpan<float> logits, int id, int likeliest)
    {
        double max = logits[ArgMax(logits)], sum = 0;
        foreach (var z in logits)
            sum += Math.Exp(z - max);
        var shift = max + Math.Log(sum);
        var values = logits.ToArray();
        int[] top = likeliest == 0 ? [] : [.. Enumerable.Range(0, values.Length).OrderByDescending(i => values[i]).ThenBy(i => i).Take(likeliest)];
        return new ScoredToken(id, (float)(values[id] - shift), [.. top.Select(i => (i, (float)(values[i] - shift)))]);
    }

    private static int ArgMax(ReadOnlySpan<float> logits)
    {
        var best = 0;
        for (var i = 1; i < logits.Length; i++)
        {
            if (logits[i] > logits[best])
                best = i;
        }

        return best;
    }

    private static double[] Softmax(ReadOnlySpan<float> logits, double temperature)
    {
        double max = logits[ArgMax(logits)], sum = 0;
        var weights = new double[logits.Length];
        for (var i = 0; i < weights.Length; i++)
            sum += weights[i] = Math.Exp((logits[i] - max) / temperature);
        for (var i = 0; i < weights.Length; i++)
            weights[i] /= sum;
        return weights;
    }

    private static (int Count, double Mass) Nucleus(ReadOnlySpan<int> order, double[] weights, double topP)
    {
        double whole = 0, mass = 0;
        foreach (var id in order)
            whole += weights[id];
        for (var i = 0; i < order.Length; i++)
        {
            mass += weights[order[i]];
            if (mass >= topP * whole)
                return (i + 1, mass);
        }

        return (order.Length, mass);
    }
}
