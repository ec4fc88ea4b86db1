namespace FineTuneGrid.Models.Layers;

/// <summary>
/// Direct preference optimisation (Rafailov et al. 2023): a pair's loss is -log sigmoid(beta * (d_chosen - d_rejected)), where d is how much
/// more likely, in nats, a sequence's labels are to the trained model than to the reference. Pure arithmetic on losses of tokens.
/// </summary>
/// <param name="beta">How strongly the model is held to the reference; above 0.</param>
/// <param name="batch">Pairs: sequences 2i (chosen) and 2i + 1 (rejected).</param>
/// <param name="reference">Loss of each supervised row under the reference, in the batch's order.</param>
public sealed class PreferenceLoss(double beta, MicroBatch batch, IReadOnlyList<float> reference)
{
    /// <summary>Each pair's loss, in nats.</summary>
    /// <param name="losses">Loss of each supervised row under the trained model.</param>
    public float[] Losses(IReadOnlyList<float> losses) => [.. Margins(losses).Select(z => (float)SoftPlus(-z))];

    /// <summary>The derivative of the sum of the pairs' losses by the loss of each supervised row.</summary>
    public float[] RowWeights(IReadOnlyList<float> losses)
    {
        var pull = Margins(losses).Select(z => beta / (1 + Math.Exp(z))).ToArray();
        return [.. SequenceOfRow().Select(s => (float)(s % 2 == 0 ? pull[s / 2] : -pull[s / 2]))];
    }

    /// <summary>beta * (d_chosen - d_rejected) of each pair.</summary>
    public double[] Margins(IReadOnlyList<float> losses)
    {
        var gains = BySequence(losses).Gains;
        return [.. Enumerable.Range(0, gains.Length / 2).Select(i => beta * (gains[2 * i] - gains[2 * i + 1]))];
    }

    public PairSums Sums(IReadOnlyList<float> losses)
    {
        var (gains, logps) = BySequence(losses);
        var sum = default(PairSums);
        for (var i = 0; i + 1 < gains.Length; i += 2)
            sum += new PairSums(beta * gains[i], beta * gains[i + 1], gains[i] > gains[i + 1] ? 1 : 0, logps[i], logps[i + 1]);
        return sum;
    }

    /// <summary>How much likelier each sequence is to the trained model, and its log-probability under that.</summary>
    private (double[] Gains, double[] Logps) BySequence(IReadOnlyList<float> losses)
    {
        var (gains, logps, row) = (new double[batch.Lengths.Count], new double[batch.Lengths.Count], 0);
        foreach (var sequence in SequenceOfRow())
        {
            gains[sequence] += (double)reference[row] - losses[row];
            logps[sequence] -= losses[row];
            row++;
        }

        return (gains, logps);
    }

    private IEnumerable<int> SequenceOfRow()
    {
        var (sequence, end) = (0, (long)batch.Lengths[0]);
        foreach (var row in batch.SupervisedRows)
        {
            while (row >= end)
                end += batch.Lengths[++sequence];
            yield return sequence;
        }
    }

    /// <summary>log(1 + e^x) without overflow.</summary>
    private static double SoftPlus(double x) => Math.Max(x, 0) + Math.Log(1 + Math.Exp(-Math.Abs(x)));
}
