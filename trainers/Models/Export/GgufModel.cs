using System.Runtime.InteropServices;
using FineTuneGrid.Contracts;
using FineTuneGrid.Models.Loading;
using FineTuneGrid.Storage;
using static TorchSharp.torch;
using Architecture = FineTuneGrid.Models.Architectures.Architecture;

namespace FineTuneGrid.Models.Export;

/// <summary>A base model as one GGUF file for llama.cpp.</summary>
public static class GgufModel
{
    /// <summary>Checks without weights whether a model can be written.</summary>
    /// <exception cref="GridException"><c>unsupported_model</c>, with what llama.cpp lacks or computes otherwise.</exception>
    public static void Check(Architecture architecture) => PlanOf(architecture);

    /// <param name="destination">At its beginning.</param>
    /// <param name="name">The model's, for display.</param>
    /// <param name="source">The published tensors.</param>
    /// <param name="vocabulary">What the tokenizer files say, for a model of this many tokens.</param>
    /// <param name="type">Of the matrices; null: each as it is published. Norms, biases and routers are fp32 always.</param>
    /// <param name="progress">Tensors written, and how many there are.</param>
    /// <returns>What differs in llama.cpp for reasons that are no fault of the file, for people; empty where nothing does.</returns>
    public static IReadOnlyList<string> Write(
        Stream destination, Architecture architecture, string name, ITensorSource source, GgufVocabulary vocabulary, GgufType? type = null, Action<int, int>? progress = null)
    {
        var plan = PlanOf(architecture);
        var names = CheckpointNames.Check(architecture, source);
        var notes = new List<string>();
        var metadata = new GgufMetadata(plan.Family.Architecture, "model", vocabulary.NameFor(name));
        var types = plan.Tensors.Select(t => t.Wide ? GgufType.F32 : type ?? Stored(source, names, architecture, t)).ToList();
        metadata.Add("general.file_type", GgufValue.Of(FileType(types.Where((_, i) => !plan.Tensors[i].Wide))));
        Hyperparameters(metadata, plan, notes);
        vocabulary.AddTo(metadata);
        var written = 0;
        GgufEntry[] entries =
        [
            .. GgufRope.Factors(plan.Family.Rotary(architecture)).Select(f => new GgufEntry(f.Name, GgufType.F32, [f.Values.Length], s => s.Write(MemoryMarshal.AsBytes<float>(f.Values)))),
            .. plan.Tensors.Zip(types, (tensor, own) => new GgufEntry(tensor.Name, own, tensor.Shape, stream =>
            {
                WriteTensor(stream, architecture, tensor, own, source, names);
                progress?.Invoke(++written, plan.Tensors.Count);
            })),
        ];
        GgufWriter.Write(destination, metadata.Values, entries);
        return notes;
    }

    private static GgufPlan PlanOf(Architecture architecture)
    {
        var plan = GgufPlan.Of(architecture);
        return GgufRope.Refusal(architecture, plan.Family.Rotary(architecture)) is { } why ? throw GgufFamilies.Refused(why, "rope_scaling") : plan;
    }

    private static void Hyperparameters(GgufMetadata metadata, GgufPlan plan, List<string> notes)
    {
        var a = plan.Architecture;
        long context = a.ContextLength;
        if (plan.Family.Window?.Invoke(a.Config) is { } window && window < context)
        {
            notes.Add($"llama.cpp has no sliding window for this family: beyond {window} tokens it would attend to more than the model was trained with, so that the file names a context of {window} instead of {context}.");
            context = window;
        }
        if (plan.Family.Rotary(a)?.LongRope is { } longRope)
            notes.Add($"llama.cpp takes the factors of long texts wherever it is given a context of more than {longRope.OriginalContext} tokens, also for shorter texts, for which the model has others.");
        metadata.Own("context_length", context);
        metadata.Own("embedding_length", (long)a.HiddenSize);
        metadata.Own("block_count", (long)a.LayerCount);
        metadata.Own("feed_forward_length", plan.Tensors.First(t => t.Name.StartsWith("blk.0.ffn_down", StringComparison.Ordinal) && t.Shape.Length > 1).Shape[^1]);
        metadata.Own("attention.head_count", (long)a.HeadCount);
        metadata.Own("attention.head_count_kv", (long)a.KeyValueHeads);
        metadata.Own("attention.key_length", (long)a.HeadDim);
        metadata.Own("attention.value_length", (long)a.HeadDim);
        metadata.Own(plan.Family.Epsilon.Key, plan.Family.Epsilon.Value(a.Config));
        metadata.Own("vocab_size", (long)a.VocabSize);
        GgufRope.Write(metadata, plan.Family.Rotary(a));
        plan.Family.More?.Invoke(metadata, a);
    }

    private static void WriteTensor(Stream stream, Architecture architecture, GgufPlannedTensor tensor, GgufType type, ITensorSource source, CheckpointNames names)
    {
        using var quiet = no_grad();
        foreach (var parameter in tensor.Sources)
        {
            using var scope = NewDisposeScope();
            var spec = architecture.Parameters.First(p => p.Name == parameter);
            var formed = GgufForms.Apply(tensor.Form, TensorBytes.Load(source, names.Of(spec)), architecture);
            TensorBytes.Write(formed.to(ScalarOf(type)), stream);
        }
    }

    private static GgufType Stored(ITensorSource source, CheckpointNames names, Architecture architecture, GgufPlannedTensor tensor)
    {
        var spec = architecture.Parameters.First(p => p.Name == tensor.Sources[0]);
        return source.Describe(names.Of(spec)).Type switch
        {
            ScalarType.BFloat16 => GgufType.BF16,
            ScalarType.Float16 => GgufType.F16,
            _ => GgufType.F32,
        };
    }

    internal static ScalarType ScalarOf(GgufType type) => type switch
    {
        GgufType.BF16 => ScalarType.BFloat16,
        GgufType.F16 => ScalarType.Float16,
        _ => ScalarType.Float32,
    };

    /// <summary>llama.cpp's number for what most matrices are in.</summary>
    private static uint FileType(IEnumerable<GgufType> matrices) => matrices.GroupBy(t => t).MaxBy(g => g.Count())?.Key switch
    {
        GgufType.F16 => 1,
        GgufType.BF16 => 32,
        _ => 0,
    };
}
