using System.Runtime.InteropServices;

namespace FineTuneGrid.Models.Numerics;

/// <summary>How libtorch's tensors in host memory are allocated.</summary>
internal static partial class NativeMemory
{
    private const string Variable = "MALLOC_MMAP_THRESHOLD_";
    private const int MmapThreshold = -3;

    /// <summary>Tensors of this many bytes or more are pages of their own.</summary>
    private const int OwnPages = 256 << 10;

    /// <summary>
    /// glibc gives freed memory back to the system while such pieces are pages of their own, but learns from the first ones that are freed
    /// to put the next into its heap. There what a layer keeps for the backward lies between holes that what it needs for a moment has
    /// left: measured, a training step's peak was 1.4 times what it is so. A fixed size makes it learn nothing.
    /// What the environment already sets is left as it is.
    /// </summary>
    internal static void KeepLargeTensorsApart()
    {
        if (Environment.GetEnvironmentVariable(Variable) is null && NativeLibrary.TryGetExport(NativeLibrary.GetMainProgramHandle(), "mallopt", out _))
            _ = SetOption(MmapThreshold, OwnPages);
    }

    [LibraryImport("libc", EntryPoint = "mallopt")]
    private static partial int SetOption(int parameter, int value);
}
