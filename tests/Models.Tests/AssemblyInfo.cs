using System.Runtime.CompilerServices;
using FineTuneGrid.Models.Numerics;

// Tensor counts are per process: one test at a time.
[assembly: CollectionBehavior(DisableTestParallelization = true)]

namespace FineTuneGrid.Models.Tests;

internal static class Threads
{
    [ModuleInitializer]
    internal static void Fix() => TorchRuntime.Start(2);
}
