using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Contracts.Jobs;
using FineTuneGrid.Contracts.Training;
using FineTuneGrid.Models;
using FineTuneGrid.Models.Architectures;
using FineTuneGrid.Models.Config;
using FineTuneGrid.Models.Lora;
using FineTuneGrid.Shards;
using FineTuneGrid.Storage;
using FineTuneGrid.Trainer.Gangs;
using FineTuneGrid.Trainer.Models;
using FineTuneGrid.Trainer.Training;
using static TorchSharp.torch;

namespace FineTuneGrid.Trainer.Tasks;

/// <summary>
/// What an order amounts to, from configs and lengths alone: steps, trainable parameters, memory. Touches no tensor, so it
/// runs where there is no libtorch, but for jobs of several workers, which need it. Refuses what a trainer would refuse later.
/// </summary>
internal static class Planning
{
    /// <summary>Tokens of a micro-batch where the spec does not say: enough that a step's fixed costs are small.</summary>
    private const int DefaultMicroBatchTokens = 2048;

    /// <summary>A cautious rate of one CPU thread in fp32, for the first estimate only; measured speed replaces it.</summary>
    private const double ThreadOperationsPerSecond = 20e9;

    /// <summary>
    /// Operations of one matrix product below which a further thread costs more in waiting than it saves: about 3 ms of one
    /// thread's work.
    /// </summary>
    private const double OperationsWorthAThread = 150e6;

    /// <exception cref="GridException">Naming the field at fault.</exception>
    public static PlanReply Plan(IBlobStore store, PlanTask task)
    {
        var order = task.Order;
        var spec = order.Spec;
        var architecture = Classifier(ArchitectureOf(store, order), order);
        CheckData(order, architecture);
        if (spec.Resources.Workers > 1) Gang.CheckPossible();
        var adapter = spec.Method.IsFull ? null : LoraPlan.Resolve(architecture, LoraSpec.From(spec.Method));
        CheckParent(store, order, adapter);
        var microBatchTokens = spec.Optimizer.MicroBatchTokens ?? Math.Max(DefaultMicroBatchTokens, order.Train.LongestExample);
        // A pair is never parted.
        var widest = order.Train.LongestExample * (spec.Objective.PairBeta is null ? 1 : 2);
        using var tokens = TokenDataset.OpenAsync(store, order.Train, verify: false).GetAwaiter().GetResult();
        var planner = TrainingData.Planner(tokens.Lengths, spec, microBatchTokens);
        var steps = TrainingData.StepsOf(planner, spec);
        var compute = order.Resolved.Precision == "bf16" ? ScalarType.BFloat16 : ScalarType.Float32;
        var trained = adapter?.ParameterCount ?? architecture.ParameterCount;
        // On another device the copy is not in its memory.
        var copy = order.Resolved.Device == "cpu" ? StateCopy.BytesFor(trained) : 0;
        var nf4 = spec.Method.IsNf4;
        var shape = new MemoryShape(architecture, adapter, compute, microBatchTokens, order.Train.LongestExample, Recompute: nf4, Quantized: nf4,
            RatesApart: spec.Method.LoraPlusRatio is not null, Pairs: spec.Objective.PairBeta is not null);
        var memory = Memory(Math.Max(microBatchTokens, widest), order.Train.LongestExample);
        if (task.SlotMemoryBytes is { } limit)
            new MemoryAdmission(Memory, limit, order.Resolved.Device).Check(
                Math.Max(microBatchTokens, widest), order.Train.LongestExample, widest / order.Train.LongestExample, spec.Method is { IsFull: false, IsNf4: false });
        var threads = Threads(architecture, planner.Plan(0).MicroBatches.Max(m => m.Tokens), order.Resolved.Threads);
        return new PlanReply(
            steps, trained, memory.Total, microBatchTokens,
            Seconds(order, architecture, tokens.Lengths.Length, steps, threads), threads, spec.Method.IsFull ? 0 : memory.Weights);

        MemoryEstimate Memory(long tokens, long longest)
        {
            var estimate = MemoryEstimate.Of(shape with { Tokens = tokens, Longest = longest });
            return estimate with { State = estimate.State + copy };
        }
    }

    private static Architecture ArchitectureOf(IBlobStore store, TrainingOrder order)
    {
        if (order.Spec.BaseModelInit() is { } init) return ModelFamilies.Create(ModelConfig.From(init.Init));
        var manifest = order.Model ?? throw new GridException(ErrorCodes.InvalidRequest, "The order names no base model.", "base_model");
        return ModelFamilies.Create(ModelConfig.Parse(Bytes(store, ModelStore.Find(manifest.Files, "config.json"))));
    }

    private static Architecture Classifier(Architecture body, TrainingOrder order)
    {
        if (order.Train.Classes is { } classes) return Classifiers.Of(body, order.Spec.BaseModelInit() is null ? order.Model : null, classes);
        return !body.IsEncoder ? body : throw new GridException(
            ErrorCodes.InvalidValue, $"Models of type '{body.Config.ModelType}' classify texts and write none: set objective.type to 'classification'.", "objective.type");
    }

    private static void CheckData(TrainingOrder order, Architecture architecture)
    {
        foreach (var (index, field) in new[] { (order.Train, "data.train"), (order.Validation, "data.validation") })
        {
            if (index is null) continue;
            if (index.Examples == 0) throw new GridException(ErrorCodes.EmptyDataset, $"{field} has no examples.", field);
            if (index.SupervisedTokens == 0)
                throw new GridException(ErrorCodes.NoTrainableTokens, $"{field} has no token to learn from: every label is masked.", field);
            if (index.LongestExample > architecture.ContextLength)
                throw new GridException(
                    ErrorCodes.SequenceTooLong, $"The longest example of {field} has {index.LongestExample} tokens, the model's context {architecture.ContextLength}; shorten the data.", "data.sequence_length");
        }
        if (order.TokenizerModel is { } tokenizer && tokenizer.VocabularySize > architecture.VocabSize)
            throw new GridException(
                ErrorCodes.InvalidModel, $"base_model.init.vocab_size is {architecture.VocabSize}, but the tokenizer has {tokenizer.VocabularySize} tokens.", "base_model.init.vocab_size");
    }

    private static void CheckParent(IBlobStore store, TrainingOrder order, LoraPlan? plan)
    {
        if (plan is null || order.InitAdapter is not { } files) return;
        using var tensors = SourceTensors.OpenAsync(store, files, SafetensorsProfile.Adapter).GetAwaiter().GetResult();
        PeftAdapter.Check(plan, tensors);
    }

    /// <summary>Two operations a weight and token forward, two for each gradient that is needed (Kaplan et al. 2020, section 2.1).</summary>
    private static double Seconds(TrainingOrder order, Architecture architecture, int examples, int steps, int threads)
    {
        var spec = order.Spec;
        var tokens = spec.Optimizer.Epochs is { } epochs ? (double)order.Train.Tokens * epochs
            : steps * (double)(spec.Optimizer.BatchTokens ?? spec.Optimizer.BatchSize!.Value * (double)order.Train.Tokens / examples);
        return tokens * architecture.ParameterCount * (spec.Method.IsFull ? 6 : 4) / (ThreadOperationsPerSecond * threads);
    }

    private static int Threads(Architecture architecture, long microBatchTokens, int most)
    {
        var mean = architecture.Linears.Average(l => 2.0 * microBatchTokens * l.In * l.Out);
        return (int)Math.Clamp(mean / OperationsWorthAThread, 1, Math.Max(1, most));
    }

    private static byte[] Bytes(IBlobStore store, SourceFile file) =>
        store.ReadAllBytesAsync(file.Key).GetAwaiter().GetResult()?.Bytes
            ?? throw new GridException(ErrorCodes.NotFound, $"The file '{file.Path}' is missing from the blob store.", file.Path);
}
