using static TorchSharp.torch;

namespace FineTuneGrid.Models.Layers;

/// <summary>How a layer's two parts meet its residual stream.</summary>
internal static class Residual
{
    /// <summary>x + attend(norm(x)), then the same with the feed-forward part.</summary>
    internal static Piece Sequential(Norm first, Piece attend, Norm second, Piece feed) => (pass, x) =>
    {
        x = x + attend(pass, first.Run(pass, x));
        return x + feed(pass, second.Run(pass, x));
    };

    /// <summary>The same with both contributions multiplied.</summary>
    internal static Piece Scaled(Norm first, Piece attend, Norm second, Piece feed, double factor) => (pass, x) =>
    {
        x = x + attend(pass, first.Run(pass, x)) * factor;
        return x + feed(pass, second.Run(pass, x)) * factor;
    };

    /// <summary>Both parts read the layer's input.</summary>
    /// <param name="second">Norm of the feed-forward part; null: it shares the first.</param>
    internal static Piece Parallel(Norm first, Piece attend, Norm? second, Piece feed) => (pass, x) =>
    {
        var normed = first.Run(pass, x);
        return x + attend(pass, normed) + feed(pass, second is null ? normed : second.Run(pass, x));
    };

    /// <summary>norm(x + part(x)), twice.</summary>
    internal static Piece NormAfterSum(Piece attend, Norm first, Piece feed, Norm second) => (pass, x) =>
    {
        x = first.Run(pass, x + attend(pass, x));
        return second.Run(pass, x + feed(pass, x));
    };

    /// <summary>x + norm(part(x)), twice.</summary>
    internal static Piece NormedParts(Piece attend, Norm first, Piece feed, Norm second) => (pass, x) =>
    {
        x = x + first.Run(pass, attend(pass, x));
        return x + second.Run(pass, feed(pass, x));
    };

    /// <summary>x + after(part(before(x))), twice.</summary>
    internal static Piece Sandwich((Norm Before, Piece Part, Norm After) attend, (Norm Before, Piece Part, Norm After) feed) => (pass, x) =>
    {
        x = Add(pass, x, attend);
        return Add(pass, x, feed);
    };

    private static Tensor Add(ForwardPass pass, Tensor x, (Norm Before, Piece Part, Norm After) part) =>
        x + part.After.Run(pass, part.Part(pass, part.Before.Run(pass, x)));
}
