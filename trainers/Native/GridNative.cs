using System.Runtime.InteropServices;
using FineTuneGrid.Contracts;
using TorchSharp;

namespace FineTuneGrid.Native;

/// <summary>
/// libGridNative.so: what of the trainer is C++ over libtorch. It is optional; without it every job runs on the tensor functions
/// alone, with one worker.
/// </summary>
public static class GridNative
{
    private static readonly Lazy<string?> Missing = new(Load);

    /// <summary>Why the library cannot be used in this process; null where it can.</summary>
    public static string? Misfit => Missing.Value;

    /// <exception cref="GridException"><c>invalid_spec</c>, naming the spec's field that needs the library.</exception>
    public static void Require(string field, string what)
    {
        if (Misfit is { } why)
            throw new GridException(ErrorCodes.InvalidSpec, $"{what} need libGridNative.so, which this machine's trainer cannot use: {why}. Install g++, libtorch-dev and libgloo-dev and build again.", field);
    }

    /// <summary>libtorch comes first, so that the library finds the one that TorchSharp has loaded.</summary>
    private static string? Load()
    {
        try
        {
            _ = torch.get_num_threads();
            return Marshal.PtrToStringUTF8(Exports.gn_misfit());
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException or BadImageFormatException or TypeInitializationException)
        {
            return e.Message.ReplaceLineEndings(" ").TrimEnd('.', ' ');
        }
    }
}
