using FineTuneGrid.Models.Architectures;
using FineTuneGrid.Models.Layers;
using FineTuneGrid.Models.Optim;
using static TorchSharp.torch;

namespace FineTuneGrid.Models;

/// <summary>
/// A training pass in parts: the embedding, each layer, and what leads from the last one to the rows of the head. Each has a graph of
/// its own, so that the backward finishes one part's gradients, and frees what it kept, before it begins with the part below. The bits
/// are those of one graph: within it, too, everything above a boundary goes backward before anything below.
/// </summary>
/// <param name="rows">The positions that have a target.</param>
internal sealed class PartedPass(
    Architecture architecture, ForwardPass pass, GradientTape tape, Tensor tokens, IReadOnlyList<long> rows, TrainingPass training)
{
    private const int Embedding = 0;

    private readonly int _last = architecture.LayerCount + 1;

    /// <summary>Leaf of each part's graph; the embedding has none.</summary>
    private readonly Tensor?[] _inputs = new Tensor?[architecture.LayerCount + 2];

    /// <summary>Where the graph was kept.</summary>
    private readonly Tensor?[] _outputs = new Tensor?[architecture.LayerCount + 2];

    /// <summary>Trained slots of each part.</summary>
    private readonly int[][] _touched = new int[architecture.LayerCount + 2][];

    /// <summary>The first part with anything to train: nothing below it needs a gradient.</summary>
    private int _first = int.MaxValue;

    /// <summary>The head's input, [rows, hidden].</summary>
    public Tensor Forward()
    {
        for (var part = Embedding; part < _last; part++)
        {
            var output = Run(part);
            var input = output.detach();
            _inputs[part + 1] = _first <= part ? input.requires_grad_() : input;
            if (training.Recompute || _first > part) output.Dispose();
            else _outputs[part] = output;
        }
        return _outputs[_last] = Run(_last);
    }

    /// <param name="gradient">d(loss) / d(the head's input).</param>
    public void Backward(Tensor gradient)
    {
        for (var part = _last; part >= _first; part--)
        {
            using (var scope = NewDisposeScope())
            {
                var output = _outputs[part] ?? Run(part);
                // The input of the first part with anything to train needs no gradient.
                var below = tape.Add(_touched[part], output, gradient, part > _first ? _inputs[part] : null);
                gradient.Dispose();
                output.Dispose();
                _inputs[part]?.Dispose();
                if (below is not null) gradient = below.MoveToOuterDisposeScope();
            }
            if (part is not Embedding && part != _last) training.LayerDone?.Invoke(part - 1);
        }
    }

    /// <summary>A part in a scope of its own: what its graph does not need is freed at the end.</summary>
    private Tensor Run(int part)
    {
        using var scope = NewDisposeScope();
        // To be run again, it keeps nothing but its input. The last part's backward comes next anyway.
        using var quiet = training.Recompute && part < _last && _touched[part] is null ? no_grad() : null;
        var output = Part(part, _inputs[part]);
        var touched = pass.TakeTouched();
        _touched[part] ??= touched;
        if (touched.Length > 0) _first = Math.Min(_first, part);
        return output.MoveToOuterDisposeScope();
    }

    private Tensor Part(int part, Tensor? input)
    {
        if (part == Embedding) return architecture.Embed(pass, tokens);
        return part < _last
            ? architecture.Block(pass, part - 1, input!)
            : architecture.Pool(pass, architecture.Final(pass, input!).index_select(0, tensor([.. rows]).to(input!.device)));
    }
}
