using FineTuneGrid.Models.Layers;
using FineTuneGrid.Models.Loading;
using FineTuneGrid.Models.Lora;
using FineTuneGrid.Models.Numerics;
using static TorchSharp.torch;

namespace FineTuneGrid.Models.Tests;

/// <summary>Direct preference optimisation, held to its formula over whole sequences.</summary>
public sealed class PreferenceTests : IDisposable
{
    private const double Beta = 0.7;

    private readonly Golden _golden = new("llama");
    private readonly CausalLm _model;
    private readonly LoraAdapter _adapter;

    public PreferenceTests()
    {
        _model = _golden.Load();
        _adapter = LoraAdapter.Create(LoraPlan.Resolve(_golden.Architecture, new LoraSpec { Rank = 4, Alpha = 8 }), 3);
    }

    public void Dispose()
    {
        _adapter.Dispose();
        _model.Dispose();
    }

    /// <summary>Three pairs: a common beginning that is masked, answers of different lengths.</summary>
    private int[][] Sequences => [_golden.Sequences[0][..20], [.. _golden.Sequences[0][..9], .. _golden.Sequences[1][..6]], _golden.Sequences[1][..12], _golden.Sequences[1][3..30], _golden.Sequences[0][5..25], _golden.Sequences[0][5..16]];

    private MicroBatch Pairs()
    {
        var labels = Sequences.SelectMany(s => s.Select((t, i) => i < 5 ? MicroBatch.Ignored : t));
        return new MicroBatch([.. Sequences.SelectMany(s => s)], [.. Sequences.Select(s => s.Length)], [.. labels]);
    }

    private void Move()
    {
        foreach (var module in _adapter.Plan.Modules)
            _adapter.Parameters.FillNormal(module.NameB, 5, 0.1);
    }

    /// <summary>-log sigmoid(beta * ((log p - log p_ref) of the chosen - the same of the rejected)), each sequence by itself.</summary>
    private double[] ByFormula()
    {
        var gains = Sequences.Select(s =>
        {
            var batch = new MicroBatch(s, [s.Length], [.. s.Select((t, i) => i < 5 ? MicroBatch.Ignored : t)]);
            return _model.Loss(batch).Sum - _model.Loss(batch, _adapter).Sum;
        }).ToArray();
        return [.. Enumerable.Range(0, 3).Select(i => Math.Log(1 + Math.Exp(-Beta * (gains[2 * i] - gains[2 * i + 1]))))];
    }

    [Fact]
    public void NewAdapter_PrefersNeither()
    {
        var loss = _model.PairLoss(Pairs(), _adapter, Beta);
        Assert.Equal(3, loss.Count);
        Assert.Equal(3 * Math.Log(2), loss.Sum, 1e-5);
    }

    [Fact]
    public void Loss_IsThatOfTheFormula()
    {
        Move();
        var loss = _model.PairLoss(Pairs(), _adapter, Beta);
        Assert.All(ByFormula().Zip(loss.Losses), p => Assert.Equal(p.First, p.Second, 1e-4));
        Assert.True(loss.Losses.Max() - loss.Losses.Min() > 0.01);
        Assert.Equal(Sequences.Sum(s => s.Length - 5), loss.SupervisedTokens);
        using var gradient = _adapter.Parameters.NewBuffer();
        Assert.Equal(loss.Sum, _model.LossAndGradients(Pairs(), _adapter, gradient, new TrainingPass(Beta: Beta)).Sum, 1e-5);
    }

    [Fact]
    public void Sums_AreRewardsAndLogProbabilitiesOfEachSide()
    {
        Move();
        var batches = Sequences.Select(s => new MicroBatch(s, [s.Length], [.. s.Select((t, i) => i < 5 ? MicroBatch.Ignored : t)])).ToArray();
        var logps = batches.Select(b => -_model.Loss(b, _adapter).Sum).ToArray();
        var rewards = batches.Select((b, i) => Beta * (logps[i] + _model.Loss(b).Sum)).ToArray();
        var sums = _model.PairLoss(Pairs(), _adapter, Beta).Pairs;
        Assert.Equal(Side(rewards, 0), sums.ChosenRewards, 1e-3);
        Assert.Equal(Side(rewards, 1), sums.RejectedRewards, 1e-3);
        Assert.Equal(Side(logps, 0), sums.ChosenLogps, 1e-2);
        Assert.Equal(Side(logps, 1), sums.RejectedLogps, 1e-2);
        Assert.Equal(Enumerable.Range(0, 3).Count(i => rewards[2 * i] > rewards[2 * i + 1]), sums.Accurate);

        static double Side(double[] values, int side) => values.Where((_, i) => i % 2 == side).Sum();
    }

    [Fact]
    public void Gradient_MatchesFiniteDifferences_AndIsTheSameRecomputed()
    {
        Move();
        using var scope = NewDisposeScope();
        Tensor gradient = _adapter.Parameters.NewBuffer(), again = _adapter.Parameters.NewBuffer();
        _model.LossAndGradients(Pairs(), _adapter, gradient, new TrainingPass(Beta: Beta));
        _model.LossAndGradients(Pairs(), _adapter, again, new TrainingPass(Beta: Beta, Recompute: true));
        Assert.Equal(TensorBytes.Sha256(gradient), TensorBytes.Sha256(again));
        foreach (var slot in _adapter.Parameters.Slots)
        {
            var values = new float[slot.Count];
            CounterRng.Stream(1, slot.Name).FillNormal(values, 1);
            Tensor direction = tensor(values), part = _adapter.Parameters.Flat.narrow(0, slot.Offset, slot.Count), own = gradient.narrow(0, slot.Offset, slot.Count);
            var (step, kept) = (2e-3f / MathF.Sqrt(slot.Count), part.clone());
            part.add_(direction, step);
            var up = ByFormula().Sum();
            part.copy_(kept).sub_(direction * step);
            var down = ByFormula().Sum();
            part.copy_(kept);
            var (found, expected) = ((own * direction).sum().item<float>(), (up - down) / (2 * step));
            Assert.True(Math.Abs(found - expected) < 0.05 * own.norm().item<float>() + 0.02, $"{slot.Name}: {found} instead of {expected}");
        }
    }

    [Fact]
    public void Weights_ArePulledByTheirPairAlone_AndNothingOverflows()
    {
        var batch = new MicroBatch([1, 2, 3, 4, 5, 6], [2, 1, 1, 2]);
        // The first pair's rejected and the second's chosen sequence have nothing to predict.
        var loss = new PreferenceLoss(0.5, batch, [2, 3]);
        Assert.Equal([0.5 * (2 - 4), 0.5 * -(3 - 3000)], loss.Margins([4, 3000]));
        Assert.Equal([(float)(0.5 / (1 + Math.Exp(-1))), 0f], loss.RowWeights([4, 3000]));
        Assert.Equal([(float)Math.Log(1 + Math.E), 0f], loss.Losses([4, 3000]));
        Assert.Equal([(float)Math.Log(1 + Math.E), 1498.5f], loss.Losses([4, -2994]));
    }
}
