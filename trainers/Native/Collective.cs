using static TorchSharp.torch;

namespace FineTuneGrid.Native;

/// <summary>A collective that was started. What it reads and writes is its own until <see cref="WorkerGroup.Wait"/> has returned.</summary>
public sealed class Collective : IDisposable
{
    internal Collective(nint work, Tensor? output, Tensor? input) => (Work, Output, Input) = (work, output, input);

    /// <summary>Where the result is; null where there is none.</summary>
    public Tensor? Output { get; }

    internal nint Work { get; }

    internal Tensor? Input { get; }

    /// <summary>Frees its tensors, for those who need them no more. It is over by then.</summary>
    public void Dispose()
    {
        Output?.Dispose();
        Input?.Dispose();
    }
}
