using FineTuneGrid.Contracts;
using FineTuneGrid.Models.Architectures;
using FineTuneGrid.Models.Layers;
using FineTuneGrid.Models.Loading;
using FineTuneGrid.Models.Lora;
using FineTuneGrid.Models.Optim;
using static TorchSharp.torch;

namespace FineTuneGrid.Models;

/// <summary>The loss of a micro-batch.</summary>
/// <param name="Sum">Nats.</param>
/// <param name="Count">What is summed up: supervised tokens, or pairs.</param>
/// <param name="Losses">
/// Of each, in the batch's order. A token's is minus the log-probability of its target; a pair's see <see cref="PreferenceLoss"/>.
/// </param>
public sealed record LossResult(double Sum, long Count, IReadOnlyList<float> Losses)
{
    /// <summary>Tokens whose log-probability counts.</summary>
    public long SupervisedTokens { get; init; }

    /// <summary>Zeros where no pairs are summed up.</summary>
    public PairSums Pairs { get; init; }

    internal static LossResult Of(float[] losses) => new(losses.Sum(l => (double)l), losses.Length, losses) { SupervisedTokens = losses.Length };

    /// <param name="losses">Of the tokens under the trained model.</param>
    internal static LossResult Of(PreferenceLoss pairs, IReadOnlyList<float> losses) =>
        Of(pairs.Losses(losses)) with { SupervisedTokens = losses.Count, Pairs = pairs.Sums(losses) };
}

/// <summary>How a training pass goes.</summary>
/// <param name="DropoutSeed">Seed of this micro-step's dropout masks; null: no dropout.</param>
/// <param name="Recompute">
/// Keep only each layer's input and run the layer again in the backward (Chen et al. 2016): a fraction of the memory for a third
/// more time, with the same bits.
/// </param>
/// <param name="Beta">
/// Trains on preferences (<see cref="PreferenceLoss"/>), with the base without its adapter as the reference; null: on the tokens themselves.
/// The loss is then the sum over pairs, and the count that of pairs.
/// </param>
/// <param name="LayerDone">
/// Called in the backward, from the last layer down to the first that has anything to train, when all gradients of the layer's own
/// parameters (<see cref="FlatSlot.Layer"/>) have been added.
/// </param>
public sealed record TrainingPass(long? DropoutSeed = null, bool Recompute = false, double? Beta = null, Action<int>? LayerDone = null);

/// <summary>
/// A model with its weights: losses, gradients, log-probabilities, of tokens or of sequences' classes. The adapter is an argument of
/// every call, so that many share the base. Not safe for concurrent use.
/// </summary>
public sealed class CausalLm(Architecture architecture, ModelWeights weights) : IDisposable
{
    private readonly LossHead _head = new(architecture.Head, weights);

    public Architecture Architecture { get; } = architecture;

    public ModelWeights Weights { get; } = weights;

    /// <summary>The loss without gradients or dropout.</summary>
    public LossResult Loss(MicroBatch batch, LoraAdapter? adapter = null)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        using var layout = PackedLayout.Create(Check(batch).Lengths, Weights.Device);
        using var pass = new ForwardPass(Weights, layout, adapter) { TokenTypes = TokenTypes(batch) };
        return batch.Targets.Count == 0 ? LossResult.Of([]) : LossResult.Of(_head.Losses(Rows(pass, Hidden(pass, batch), batch), batch.Targets, adapter: adapter));
    }

    /// <summary>The pairs' losses without gradients or dropout.</summary>
    /// <param name="batch">Chosen and rejected sequences in turn.</param>
    /// <param name="beta">See <see cref="PreferenceLoss"/>.</param>
    public LossResult PairLoss(MicroBatch batch, LoraAdapter adapter, double beta) =>
        LossResult.Of(Preferences(batch, beta), Loss(batch, adapter).Losses);

    /// <summary>fp32 logits [T, vocabulary] of every position, or of the given rows, in the caller's dispose scope.</summary>
    public Tensor Logits(MicroBatch batch, LoraAdapter? adapter = null, IReadOnlyList<long>? rows = null)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        using var layout = PackedLayout.Create(Check(batch).Lengths, Weights.Device);
        using var pass = new ForwardPass(Weights, layout, adapter) { TokenTypes = TokenTypes(batch) };
        var hidden = Hidden(pass, batch);
        var wanted = rows is null ? hidden : hidden.index_select(0, tensor([.. rows]).to(Weights.Device));
        return _head.Logits(Architecture.Pool(pass, wanted), adapter).MoveToOuterDisposeScope();
    }

    /// <summary>Log-probability of each class, for each sequence: [n][classes].</summary>
    public double[][] ClassLogProbs(MicroBatch batch, LoraAdapter? adapter = null)
    {
        if (adapter is null && Architecture.Classifier is { HeadIsFresh: true })
            throw new GridException(ErrorCodes.InvalidValue, "The base has no classifier of its own for these classes; name an adapter.", "model");
        using var logits = Logits(batch, adapter, batch.SupervisedRows);
        return [.. logits.cpu().data<float>().ToArray().Chunk(Architecture.Classifier!.Labels.Count).Select(LogSoftmax)];
    }

    /// <summary>The loss, and the gradients of its <b>sum</b>, added to <paramref name="gradients"/>.</summary>
    /// <param name="batch">The micro-batch.</param>
    /// <param name="adapter">What is trained; null where the weights themselves are.</param>
    /// <param name="gradients">Flat fp32 buffer of the trained parameters' layout (<see cref="FlatParameters.NewBuffer"/>).</param>
    /// <param name="training">Dropout and memory options.</param>
    public LossResult LossAndGradients(MicroBatch batch, LoraAdapter? adapter, Tensor gradients, TrainingPass? training = null)
    {
        var trained = adapter?.Parameters ?? Weights.Trainable
            ?? throw new InvalidOperationException("Nothing to train: give an adapter or trainable weights.");
        training ??= new TrainingPass();
        if (Check(batch).Targets.Count == 0)
            return LossResult.Of([]);
        using var scope = NewDisposeScope();
        using var layout = PackedLayout.Create(batch.Lengths, Weights.Device);
        using var pass = new ForwardPass(Weights, layout, adapter, training.DropoutSeed) { TokenTypes = TokenTypes(batch) };
        var tape = new GradientTape(trained, gradients);
        var preferences = training.Beta is not { } beta ? null
            : adapter is null ? throw new InvalidOperationException("Preferences need a reference: an adapter beside its base.") : Preferences(batch, beta);
        var parts = new PartedPass(Architecture, pass, tape, Tokens(batch), batch.SupervisedRows, training);
        var (result, gradient) = Head(parts.Forward(), batch, tape, preferences, adapter);
        parts.Backward(gradient);
        return result;
    }

    public void Dispose() => Weights.Dispose();

    /// <summary>Hidden states after the final norm, for the head.</summary>
    internal Tensor Hidden(ForwardPass pass, Tensor tokens)
    {
        var x = Architecture.Embed(pass, tokens);
        for (var layer = 0; layer < Architecture.LayerCount; layer++)
            x = Replace(x, Block(pass, layer, x));
        return Architecture.Final(pass, x);
    }

    internal Tensor HeadLogits(Tensor rows, LoraAdapter? adapter) => _head.Logits(rows, adapter);

    private Tensor Rows(ForwardPass pass, Tensor hidden, MicroBatch batch) =>
        Architecture.Pool(pass, hidden.index_select(0, tensor([.. batch.SupervisedRows]).to(hidden.device)));

    private static double[] LogSoftmax(float[] logits)
    {
        double most = logits.Max();
        var sum = most + Math.Log(logits.Sum(z => Math.Exp(z - most)));
        return [.. logits.Select(z => z - sum)];
    }

    private static Tensor Replace(Tensor old, Tensor by)
    {
        old.Dispose();
        return by;
    }

    private Tensor Hidden(ForwardPass pass, MicroBatch batch) => Hidden(pass, Tokens(batch));

    private Tensor? TokenTypes(MicroBatch batch) =>
        Architecture.TokenTypes == 0 || batch.TokenTypes is not { } types ? null : tensor([.. types.Select(t => (long)t)]).to(Weights.Device);

    private Tensor Tokens(MicroBatch batch) => tensor([.. batch.Tokens.Select(t => (long)t)]).to(Weights.Device);

    /// <summary>One layer in a scope of its own: what the graph does not need is freed at its end.</summary>
    private Tensor Block(ForwardPass pass, int layer, Tensor x)
    {
        using var scope = NewDisposeScope();
        return Architecture.Block(pass, layer, x).MoveToOuterDisposeScope();
    }

    private (LossResult Result, Tensor Gradient) Head(Tensor rows, MicroBatch batch, GradientTape tape, PreferenceLoss? preferences, LoraAdapter? adapter)
    {
        using var plain = rows.detach();
        var gradient = empty(rows.shape, rows.dtype, rows.device);
        if (preferences is not null)
        {
            // How much each row counts is known only when all rows of its pair are.
            var losses = _head.Losses(plain, batch.Targets, adapter: adapter);
            _head.Losses(plain, batch.Targets, gradient, tape.Buffer, preferences.RowWeights(losses), adapter);
            return (LossResult.Of(preferences, losses), gradient);
        }

        return (LossResult.Of(_head.Losses(plain, batch.Targets, gradient, tape.Buffer, adapter: adapter)), gradient);
    }

    private PreferenceLoss Preferences(MicroBatch batch, double beta) => new(beta, batch, Loss(batch).Losses);

    private MicroBatch Check(MicroBatch batch)
    {
        var longest = batch.Lengths.Max();
        if (longest > Architecture.ContextLength)
        {
            throw new GridException(ErrorCodes.SequenceTooLong,
                $"A sequence of {longest} tokens exceeds the model's context of {Architecture.ContextLength}.", "data.sequence_length");
        }

        foreach (var token in batch.Tokens)
        {
            if ((uint)token >= (uint)Architecture.VocabSize)
                throw new GridException(ErrorCodes.InvalidValue, $"Token id {token} is outside the model's vocabulary of {Architecture.VocabSize}.", "input_ids");
        }

        if (Architecture.TokenTypes > 0 && batch.TokenTypes is { } types && types.Any(t => (uint)t >= (uint)Architecture.TokenTypes))
            throw new GridException(ErrorCodes.InvalidValue, $"The model has {Architecture.TokenTypes} token types, but a token is of type {types.Max()}.", "token_type_ids");

        return batch;
    }
}
