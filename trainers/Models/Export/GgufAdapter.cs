using FineTuneGrid.Contracts;
using FineTuneGrid.Models.Architectures;
using FineTuneGrid.Models.Loading;
using FineTuneGrid.Models.Lora;
using FineTuneGrid.Storage;
using static TorchSharp.torch;

namespace FineTuneGrid.Models.Export;

/// <summary>
/// An adapter as a GGUF file that llama.cpp adds to its base (<c>--lora</c>). It scales each product by one alpha over the rows of that
/// layer's A; scales that are no such quotient go into B.
/// </summary>
public static class GgufAdapter
{
    private const string SuffixA = ".lora_a";
    private const string SuffixB = ".lora_b";

    /// <summary>Layers that are one tensor in llama.cpp: their products are stacked, with ranks filled up by zeros.</summary>
    private sealed record Group(GgufPlannedTensor Base, IReadOnlyList<LoraModuleSpec?> Modules)
    {
        public int Rank => Modules.Max(m => m?.Rank ?? 0);

        public LoraModuleSpec Any => Modules.First(m => m is not null)!;
    }

    /// <exception cref="GridException"><c>unsupported_model</c>: DoRA, a base that llama.cpp does not run, a layer that it has no adapters for.</exception>
    public static void Check(Architecture architecture, LoraPlan plan) => Groups(GgufPlan.Of(architecture), plan);

    /// <param name="destination">At its beginning.</param>
    /// <param name="name">The adapter's, for display.</param>
    public static void Write(Stream destination, Architecture architecture, string name, LoraAdapter adapter)
    {
        var plan = GgufPlan.Of(architecture);
        var groups = Groups(plan, adapter.Plan);
        var alpha = (float)(groups[0].Any.Scale * groups[0].Rank);
        var metadata = new GgufMetadata(plan.Family.Architecture, "adapter", name);
        metadata.Add("adapter.type", GgufValue.Of("lora"));
        metadata.Add("adapter.lora.alpha", GgufValue.Of(alpha));
        metadata.Add("general.file_type", GgufValue.Of(0u));
        GgufEntry[] entries =
        [
            .. groups.SelectMany(g => new[]
            {
                Entry(g, SuffixA, [g.Rank, g.Any.In], m => Padded(adapter.Parameters[m.NameA], 0, g.Rank)),
                Entry(g, SuffixB, [g.Any.Out, g.Rank], m =>
                    Padded(GgufForms.ApplyToOutputs(g.Base.Form, Plain(adapter.Parameters[m.NameB]), architecture) * (m.Scale * g.Rank / alpha), 1, g.Rank)),
            }),
        ];
        GgufWriter.Write(destination, metadata.Values, entries);
    }

    /// <summary>The adapter that a file holds, with every change undone that <see cref="Write"/> made; its scales are those of the file.</summary>
    public static LoraAdapter Read(GgufFile file, Architecture architecture, LoraPlan plan, Device? device = null)
    {
        var groups = Groups(GgufPlan.Of(architecture), plan);
        var alpha = file.Get<float>("adapter.lora.alpha");
        var adapter = LoraAdapter.Empty(plan, device);
        using var quiet = no_grad();
        foreach (var group in groups)
        {
            using var scope = NewDisposeScope();
            Tensor a = Load(file, group.Base.Name + SuffixA), b = Load(file, group.Base.Name + SuffixB);
            for (var i = 0; i < group.Modules.Count; i++)
            {
                if (group.Modules[i] is not { } module)
                    continue;
                var (own, outputs) = group.Base.Stacked ? (a.select(0, i), b.select(0, i)) : (a, b);
                adapter.Parameters.Set(module.NameA, own.narrow(0, 0, module.Rank));
                var rank = outputs.size(1);
                adapter.Parameters.Set(module.NameB,
                    GgufForms.UndoOnOutputs(group.Base.Form, outputs.narrow(1, 0, module.Rank).contiguous(), architecture) * (alpha / rank / module.Scale));
            }
        }
        return adapter;
    }

    private static List<Group> Groups(GgufPlan plan, LoraPlan adapter)
    {
        if (adapter.Modules.FirstOrDefault(m => m.Dora) is { } dora)
            throw Refused($"llama.cpp has no DoRA: it would drop the magnitudes of {dora.Name}", "use_dora");
        var modules = adapter.Modules.ToDictionary(m => m.Name + ".weight", StringComparer.Ordinal);
        var groups = plan.Tensors.Where(t => !t.Copy && t.Sources.Any(modules.ContainsKey))
            .Select(t => new Group(t, [.. t.Sources.Select(modules.GetValueOrDefault)])).ToList();
        return groups.SelectMany(g => g.Base.Sources).Count(modules.ContainsKey) == modules.Count ? groups
            : throw Refused($"llama.cpp has no one tensor for a layer such as {adapter.Modules.First(m => plan.Holding(m.Name + ".weight").Count() != 1).Name}", "target_modules");
    }

    /// <summary>A missing expert's part is zero.</summary>
    private static GgufEntry Entry(Group group, string suffix, long[] shape, Func<LoraModuleSpec, Tensor> part) => new(
        group.Base.Name + suffix, GgufType.F32, group.Base.Stacked ? [group.Modules.Count, .. shape] : shape, stream =>
        {
            using var quiet = no_grad();
            foreach (var module in group.Modules)
            {
                using var scope = NewDisposeScope();
                TensorBytes.Write(module is null ? zeros(shape, ScalarType.Float32) : part(module), stream);
            }
        });

    private static Tensor Plain(Tensor parameter) => parameter.detach().cpu();

    private static Tensor Padded(Tensor factor, int dimension, int rank)
    {
        var plain = Plain(factor);
        var missing = rank - plain.size(dimension);
        if (missing == 0)
            return plain;
        long[] shape = [.. plain.shape];
        shape[dimension] = missing;
        return cat([plain, zeros(shape, ScalarType.Float32)], dimension);
    }

    private static Tensor Load(GgufFile file, string name) => file.Find(name) is { } tensor
        ? TensorBytes.Load(new GgufSource.Single(file, tensor), name)
        : throw new GridException(ErrorCodes.InvalidAdapter, $"The file '{file.Name}' lacks {name}.", name);

    private static GridException Refused(string why, string field) =>
        new(ErrorCodes.UnsupportedModel, $"The adapter cannot be written as GGUF: {why}. Export it merged instead.", field);
}
