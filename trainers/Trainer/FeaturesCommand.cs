using FineTuneGrid.Contracts.Nodes;
using FineTuneGrid.Native;

namespace FineTuneGrid.Trainer;

/// <summary><c>FineTuneGrid.Trainer features</c>: a line <c>features: A B</c> of <see cref="NodeFeatures"/>, and why one is missing.</summary>
internal static class FeaturesCommand
{
    public static int Run()
    {
        if (GridNative.Misfit is { } why) Console.WriteLine($"without {NodeFeatures.Collectives}: {why}");
        Console.WriteLine(GridNative.Misfit is null ? $"features: {NodeFeatures.Collectives}" : "features:");
        return 0;
    }
}
