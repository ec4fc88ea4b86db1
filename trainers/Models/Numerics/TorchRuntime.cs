using System.Runtime.InteropServices;
using TorchSharp;

namespace FineTuneGrid.Models.Numerics;

/// <summary>Settings that libtorch's thread pools read once, when they are loaded.</summary>
public static partial class TorchRuntime
{
    /// <summary>
    /// Fixes the number of intra-op threads. To be called before anything touches libtorch: the pools' own settings cannot be changed
    /// afterwards. Idle pool threads sleep instead of spinning, since on a busy machine spinning ones keep the worker they wait for
    /// off its core (measured: 9 times slower steps on two loaded cores). What the environment already sets is left as it is.
    /// </summary>
    public static void Start(int threads)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        if (OperatingSystem.IsLinux())
        {
            // Environment.SetEnvironmentVariable would reach managed code only.
            SetEnvironment("OMP_WAIT_POLICY", "passive", 0);
            SetEnvironment("OMP_NUM_THREADS", $"{threads}", 0);
            SetEnvironment("OPENBLAS_NUM_THREADS", $"{threads}", 0);
            NativeMemory.KeepLargeTensorsApart();
        }

        torch.set_num_threads(threads);
    }

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetEnvironment(string name, string value, int overwrite);
}
