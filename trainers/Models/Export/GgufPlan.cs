using System.Text.RegularExpressions;
using FineTuneGrid.Contracts;
using FineTuneGrid.Models.Architectures;

namespace FineTuneGrid.Models.Export;

/// <summary>One tensor of a base's GGUF file and what it is made of.</summary>
/// <param name="Sources">Published names: one, or those that are stacked, in order.</param>
/// <param name="Shape">As it is written, outermost dimension first.</param>
/// <param name="Wide">llama.cpp wants it in fp32 whatever the others are in: norms, biases, routers, positions.</param>
/// <param name="Copy">The tied embedding again, as the head.</param>
internal sealed record GgufPlannedTensor(string Name, IReadOnlyList<string> Sources, GgufForm Form, long[] Shape, bool Wide, bool Copy = false)
{
    public bool Stacked => Sources.Count > 1;
}

/// <summary>An architecture's tensors as llama.cpp names, orders and shapes them. Needs no weights.</summary>
internal sealed partial class GgufPlan
{
    private const string Weight = ".weight";
    private const string Bias = ".bias";
    private readonly ILookup<string, GgufPlannedTensor> _bySource;

    private GgufPlan(Architecture architecture, GgufFamily family, IReadOnlyList<GgufPlannedTensor> tensors)
    {
        (Architecture, Family, Tensors) = (architecture, family, tensors);
        _bySource = tensors.Where(t => !t.Copy).SelectMany(t => t.Sources.Select(s => (s, t))).ToLookup(p => p.s, p => p.t, StringComparer.Ordinal);
    }

    public Architecture Architecture { get; }

    public GgufFamily Family { get; }

    public IReadOnlyList<GgufPlannedTensor> Tensors { get; }

    /// <exception cref="GridException"><c>unsupported_model</c>, naming what llama.cpp lacks.</exception>
    public static GgufPlan Of(Architecture architecture)
    {
        var family = GgufFamilies.Of(architecture);
        var modules = family.Modules.ToLookup(m => m.Published, StringComparer.Ordinal);
        var found = new List<(string Name, GgufForm Form, ParameterSpec Spec)>();
        foreach (var spec in architecture.Parameters)
        {
            var (module, suffix) = Split(spec.Name);
            var (template, layer) = Template(module);
            var matching = modules[template].Where(m => suffix == Weight || m.Bias).ToList();
            if (matching.Count == 0)
                throw GgufFamilies.Refused($"llama.cpp's '{family.Architecture}' models have no place for {spec.Name}", spec.Name);
            found.AddRange(matching.Select(m => (m.Name.Replace("#", layer, StringComparison.Ordinal) + suffix, m.Form, spec)));
        }
        var tensors = found.GroupBy(f => (f.Name, f.Form)).Select(g => Planned(g.Key.Name, g.Key.Form, [.. g.Select(f => f.Spec)])).ToList();
        if (family.NeedsHead && tensors.All(t => t.Name != "output.weight"))
        {
            var embedding = tensors.Single(t => t.Name == "token_embd.weight");
            tensors.Add(embedding with { Name = "output.weight", Copy = true });
        }
        return new GgufPlan(architecture, family, tensors);
    }

    /// <summary>The tensors that hold a published parameter: one, or its two halves.</summary>
    public IEnumerable<GgufPlannedTensor> Holding(string parameter) => _bySource[parameter];

    /// <summary>Stacked where several parameters share a name; their indices ascend, as the architecture declares them.</summary>
    private static GgufPlannedTensor Planned(string name, GgufForm form, List<ParameterSpec> specs)
    {
        long[] own = form switch
        {
            GgufForm.Transposed => [.. specs[0].Shape.Reverse()],
            GgufForm.FirstHalf or GgufForm.SecondHalf => [specs[0].Shape[0], specs[0].Shape[1] / 2, specs[0].Shape[2]],
            _ => specs[0].Shape,
        };
        // A bias has no orientation.
        if (own.Length == 1 && form == GgufForm.Transposed)
            form = GgufForm.AsPublished;
        long[] shape = specs.Count == 1 ? own : [specs.Count, .. own];
        var wide = shape.Length == 1 || name.Contains("_norm", StringComparison.Ordinal) || name.Contains("ffn_gate_inp", StringComparison.Ordinal)
            || name.StartsWith("position_embd", StringComparison.Ordinal);
        return new GgufPlannedTensor(name, [.. specs.Select(s => s.Name)], form, shape, wide);
    }

    private static (string Module, string Suffix) Split(string parameter) =>
        parameter.EndsWith(Weight, StringComparison.Ordinal) ? (parameter[..^Weight.Length], Weight)
        : parameter.EndsWith(Bias, StringComparison.Ordinal) ? (parameter[..^Bias.Length], Bias)
        : throw GgufFamilies.Refused($"the parameter {parameter} is neither a weight nor a bias", parameter);

    /// <summary>The first number of a path is the layer's, a second one an index within it.</summary>
    private static (string Template, string Layer) Template(string module)
    {
        var layer = "";
        var count = 0;
        var template = Number().Replace(module, match =>
        {
            if (count++ > 0)
                return "%";
            layer = match.Value;
            return "#";
        });
        return (template, layer);
    }

    [GeneratedRegex(@"(?<=\.)\d+(?=\.|$)", RegexOptions.CultureInvariant)]
    private static partial Regex Number();
}
