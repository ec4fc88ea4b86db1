using System.Globalization;
using System.Runtime.InteropServices;
using FineTuneGrid.Contracts;
using TorchSharp;

namespace FineTuneGrid.Trainer;

/// <summary>The settings of libtorch that decide the bits of a result. Made once, on the thread that steps, before any tensor.</summary>
internal static partial class Compute
{
    private static readonly string[] ThreadVariables = ["OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"];

    /// <summary>Fixes the number of intra-op threads: libraries read their variables when they are loaded, OpenMP keeps a number for each thread.</summary>
    public static void Prepare(int threads)
    {
        if (!OperatingSystem.IsWindows())
        {
            foreach (var name in ThreadVariables) _ = SetEnv(name, threads.ToString(CultureInfo.InvariantCulture), 1);
            _ = SetEnv("OMP_WAIT_POLICY", "PASSIVE", 1); // Threads that spin while they wait starve each other on a shared machine.
        }
        torch.set_num_threads(threads);
    }

    /// <exception cref="GridException"><c>invalid_value</c>: this machine's libtorch has no such device.</exception>
    public static torch.Device Device(string name)
    {
        if (name == "cpu") return torch.CPU;
        if (name.StartsWith("cuda", StringComparison.Ordinal) && torch.cuda.is_available()) return torch.device(name);
        throw new GridException(ErrorCodes.InvalidValue, $"The device '{name}' is not there: libtorch {torch.__version__} on this machine offers no CUDA.", "resources.device");
    }

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetEnv(string name, string value, int overwrite);
}
