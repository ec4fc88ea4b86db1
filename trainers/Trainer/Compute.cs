using FineTuneGrid.Contracts;
using FineTuneGrid.Models.Numerics;
using TorchSharp;

namespace FineTuneGrid.Trainer;

/// <summary>The settings of libtorch that decide the bits of a result.</summary>
internal static class Compute
{
    /// <summary>To be called once, on the thread that steps (OpenMP keeps its number of threads for each thread), before any tensor.</summary>
    public static void Prepare(int threads) => TorchRuntime.Start(threads);

    /// <exception cref="GridException"><c>invalid_value</c>: this machine's libtorch has no such device.</exception>
    public static torch.Device Device(string name)
    {
        if (name == "cpu") return torch.CPU;
        if (name.StartsWith("cuda", StringComparison.Ordinal) && torch.cuda.is_available()) return torch.device(name);
        throw new GridException(ErrorCodes.InvalidValue, $"The device '{name}' is not there: libtorch {torch.__version__} on this machine offers no CUDA.", "resources.device");
    }

    /// <summary>Runs all that has to do with tensors on a thread of its own, which they live and die on.</summary>
    public static Task<int> OnOneThread(Func<int> work)
    {
        var done = new TaskCompletionSource<int>(TaskCreationOptions.RunContinuationsAsynchronously);
        var thread = new Thread(() =>
        {
            try
            {
                done.SetResult(work());
            }
            catch (Exception e)
            {
                done.SetException(e);
            }
        })
        { Name = "steps" };
        thread.Start();
        return done.Task;
    }
}
