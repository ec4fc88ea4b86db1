using System.Globalization;
using FineTuneGrid.Models.Architectures;
using FineTuneGrid.Models.Loading;
using FineTuneGrid.Models.Numerics;
using static TorchSharp.torch;

namespace FineTuneGrid.Models.Optim;

/// <summary>One parameter's place in the flat buffer, in elements.</summary>
public sealed record FlatSlot(string Name, long[] Shape, long Offset, long Count)
{
    /// <summary>Number of the layer that it belongs to, which is the first number in a parameter's path; null where it has none, as embeddings and the head.</summary>
    public int? Layer { get; } = Name.Split('.').Where(part => part.All(char.IsAsciiDigit)).Select(part => int.Parse(part, CultureInfo.InvariantCulture)).Cast<int?>().FirstOrDefault();
}

/// <summary>
/// Trainable parameters in one fp32 buffer, in order of their names. Each parameter is a leaf that shares the buffer's memory,
/// so the optimizer works on one tensor, and the whole state can be hashed or stored in one go.
/// </summary>
public sealed class FlatParameters : IDisposable
{
    private readonly Tensor[] _leaves;
    private readonly Dictionary<string, int> _index;

    private FlatParameters(IReadOnlyList<FlatSlot> slots, Tensor flat)
    {
        Slots = slots;
        Flat = flat;
        _index = slots.Select((s, i) => (s.Name, i)).ToDictionary(p => p.Name, p => p.i, StringComparer.Ordinal);
        _leaves = [.. slots.Select(s => Part(flat, s).view(s.Shape).detach().requires_grad_().DetachFromDisposeScope())];
    }

    public IReadOnlyList<FlatSlot> Slots { get; }

    /// <summary>All elements, fp32 [Count]; carries no gradient.</summary>
    public Tensor Flat { get; }

    public long Count => Flat.NumberOfElements;

    public static FlatParameters Zeros(IEnumerable<(string Name, long[] Shape)> parameters, Device? device = null)
    {
        using var scope = NewDisposeScope();
        var slots = new List<FlatSlot>();
        long offset = 0;
        foreach (var (name, shape) in parameters.OrderBy(p => p.Name, StringComparer.Ordinal))
        {
            var count = shape.Aggregate(1L, (a, b) => checked(a * b));
            slots.Add(new FlatSlot(name, shape, offset, count));
            offset += count;
        }

        return new FlatParameters(slots, zeros([offset], ScalarType.Float32, device).DetachFromDisposeScope());
    }

    public int IndexOf(string name) => _index[name];

    /// <summary>The parameter as autograd sees it.</summary>
    public Tensor Leaf(int slot) => _leaves[slot];

    public Tensor this[string name] => _leaves[_index[name]];

    /// <summary>A zeroed buffer of the same size: gradients or optimizer state.</summary>
    public Tensor NewBuffer() => zeros([Count], ScalarType.Float32, Flat.device);

    /// <summary>The slot's part of a buffer of this layout, as a view of the parameter's shape.</summary>
    public static Tensor ViewOf(Tensor buffer, FlatSlot slot)
    {
        using var part = Part(buffer, slot);
        return part.view(slot.Shape);
    }

    /// <summary>Overwrites one parameter; the values are converted to fp32.</summary>
    public void Set(string name, Tensor values)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        var slot = Slots[_index[name]];
        Part(Flat, slot).view(slot.Shape).copy_(values);
    }

    public void Fill(string name, float value)
    {
        using var scope = NewDisposeScope();
        Part(Flat, Slots[_index[name]]).fill_(value);
    }

    /// <summary>A parameter of a new model, which starts as zeros: a function of the seed and the name alone.</summary>
    /// <param name="deviation">Of those that start at random.</param>
    public void Fill(ParameterSpec parameter, long seed, double deviation)
    {
        if (parameter.Init == ParameterInit.Normal)
            FillNormal(parameter.Name, seed, deviation);
        else if (parameter.Init == ParameterInit.Ones)
            Fill(parameter.Name, 1);
    }

    public void FillNormal(string name, long seed, double deviation) =>
        FillBy(name, (values, first) => CounterRng.Stream(seed, name).FillNormal(values, deviation, first));

    public void FillUniform(string name, long seed, double bound) =>
        FillBy(name, (values, first) => CounterRng.Stream(seed, name).FillUniform(values, bound, first));

    /// <summary>Lower-case SHA-256 of the buffer's bytes.</summary>
    public string Sha256() => TensorBytes.Sha256(Flat);

    public void Dispose()
    {
        foreach (var leaf in _leaves)
            leaf.Dispose();
        Flat.Dispose();
    }

    private static Tensor Part(Tensor buffer, FlatSlot slot) => buffer.narrow(0, slot.Offset, slot.Count);

    private void FillBy(string name, Action<float[], long> fill)
    {
        const int piece = 1 << 20;
        var slot = Slots[_index[name]];
        for (long at = 0; at < slot.Count; at += piece)
        {
            using var scope = NewDisposeScope();
            var values = new float[Math.Min(piece, slot.Count - at)];
            fill(values, at);
            Flat.narrow(0, slot.Offset + at, values.Length).copy_(tensor(values));
        }
    }
}
