using static TorchSharp.torch;

namespace FineTuneGrid.Models.Optim;

/// <summary>Takes gradients of parts of a model and adds them into one flat buffer.</summary>
/// <param name="parameters">What is trained.</param>
/// <param name="buffer">Flat fp32 buffer of the parameters' layout.</param>
internal sealed class GradientTape(FlatParameters parameters, Tensor buffer)
{
    internal Tensor Buffer => buffer;

    /// <summary>Goes back from an output to the parameters it used and, where given, to its input.</summary>
    /// <param name="touched">Slots that the output depends on.</param>
    /// <param name="output">Result of the part.</param>
    /// <param name="gradient">d(loss) / d(output).</param>
    /// <param name="input">A leaf to return the gradient of.</param>
    internal Tensor? Add(int[] touched, Tensor output, Tensor gradient, Tensor? input)
    {
        List<Tensor> leaves = [.. touched.Select(parameters.Leaf)];
        if (input is not null)
            leaves.Add(input);
        if (leaves.Count == 0)
            return null;
        var results = autograd.grad([output], leaves, [gradient]);
        using var quiet = no_grad();
        for (var i = 0; i < touched.Length; i++)
        {
            using var part = FlatParameters.ViewOf(buffer, parameters.Slots[touched[i]]);
            part.add_(results[i]).Dispose();
            results[i].Dispose();
        }

        return input is null ? null : results[^1];
    }
}
