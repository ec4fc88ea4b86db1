using FineTuneGrid.Models.Numerics;
using static TorchSharp.torch;

namespace FineTuneGrid.Models.Optim;

/// <summary>Settings of <see cref="AdamW"/>.</summary>
public sealed record AdamWOptions
{
    public double Beta1 { get; init; } = 0.9;

    public double Beta2 { get; init; } = 0.999;

    public double Epsilon { get; init; } = 1e-8;

    public double WeightDecay { get; init; }

    /// <summary>
    /// LoRA+ (Hayou et al. 2024): B's learning rate over A's. As in PEFT's optimizer, vectors such as DoRA's magnitudes go with B; null: one
    /// learning rate.
    /// </summary>
    public double? LoraPlusRatio { get; init; }

    /// <summary>Global norm that gradients are clipped to; null: no clipping.</summary>
    public double? MaxGradientNorm { get; init; }
}

/// <summary>
/// Adam with decoupled weight decay (Loshchilov and Hutter 2019) over one flat fp32 buffer, in the order of operations of
/// torch.optim.AdamW. Elementwise throughout, so its bits depend neither on thread count nor on how parameters are grouped.
/// </summary>
public sealed class AdamW : IDisposable
{
    private readonly FlatParameters _parameters;
    private readonly AdamWOptions _options;

    /// <summary>Learning rate of each element over the step's; null: 1 for all.</summary>
    private readonly Tensor? _ratios;

    public AdamW(FlatParameters parameters, AdamWOptions options)
    {
        _parameters = parameters;
        _options = options;
        FirstMoment = parameters.NewBuffer().DetachFromDisposeScope();
        SecondMoment = parameters.NewBuffer().DetachFromDisposeScope();
        _ratios = options.LoraPlusRatio is { } ratio ? Ratios(parameters, ratio) : null;
    }

    /// <summary>Steps taken; with the two moments the whole state.</summary>
    public long StepCount { get; set; }

    public Tensor FirstMoment { get; }

    public Tensor SecondMoment { get; }

    /// <summary>One step.</summary>
    /// <param name="gradient">Flat fp32 gradient of the mean loss; clipped in place.</param>
    /// <param name="learningRate">For this step.</param>
    /// <returns>The gradient's 2-norm before clipping.</returns>
    public double Step(Tensor gradient, double learningRate)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        var norm = FixedOrder.Norm(gradient);
        // The epsilon and the ceiling are those of torch.nn.utils.clip_grad_norm_.
        if (_options.MaxGradientNorm is { } limit && limit / (norm + 1e-6) < 1)
            gradient.mul_((float)(limit / (norm + 1e-6)));
        StepCount++;
        var correction1 = 1 - Math.Pow(_options.Beta1, StepCount);
        var correction2 = 1 - Math.Pow(_options.Beta2, StepCount);
        var values = _parameters.Flat;
        if (_options.WeightDecay != 0)
            Decay(values, learningRate * _options.WeightDecay);
        FirstMoment.mul_(_options.Beta1).add_(gradient, 1 - _options.Beta1);
        SecondMoment.mul_(_options.Beta2).addcmul_(gradient, gradient, 1 - _options.Beta2);
        var denominator = SecondMoment.sqrt().div_(Math.Sqrt(correction2)).add_(_options.Epsilon);
        values.addcdiv_(_ratios is null ? FirstMoment : FirstMoment * _ratios, denominator, -learningRate / correction1);
        return norm;
    }

    public void Dispose()
    {
        FirstMoment.Dispose();
        SecondMoment.Dispose();
        _ratios?.Dispose();
    }

    private void Decay(Tensor values, double share)
    {
        if (_ratios is null)
            values.mul_(1 - share);
        else
            values.sub_(values * _ratios * share);
    }

    private static Tensor Ratios(FlatParameters parameters, double ratio)
    {
        var ratios = parameters.NewBuffer().fill_(1);
        foreach (var slot in parameters.Slots.Where(s => s.Shape.Length == 1 || s.Name.Contains(".lora_B.", StringComparison.Ordinal)))
        {
            using var part = FlatParameters.ViewOf(ratios, slot);
            part.fill_((float)ratio).Dispose();
        }

        return ratios.DetachFromDisposeScope();
    }
}
