using System.Runtime.InteropServices;
using FineTuneGrid.Contracts;

namespace FineTuneGrid.Trainer.Session;

/// <summary>What went wrong, in the words of the contract, and whether another attempt can help.</summary>
internal static class JobFaults
{
    private static readonly HashSet<string> Retryable =
        [ErrorCodes.InsufficientStorage, ErrorCodes.Unavailable, ErrorCodes.OutOfMemory, ErrorCodes.Internal, ErrorCodes.TrainerCrashed];

    public static (GridError Error, bool Retryable) Describe(Exception fault)
    {
        var error = fault switch
        {
            GridException grid => grid.ToError(),
            OutOfMemoryException => OutOfMemory(fault),
            ExternalException when IsAllocationFailure(fault.Message) => OutOfMemory(fault),
            IOException => new GridError(ErrorCodes.Unavailable, $"The blob store could not be reached: {fault.Message}"),
            _ => new GridError(ErrorCodes.Internal, $"The trainer failed: {fault.Message}"),
        };
        return (error, Retryable.Contains(error.Code));
    }

    /// <summary>libtorch's allocators throw one exception type for everything; only their texts tell.</summary>
    private static bool IsAllocationFailure(string message) =>
        message.Contains("out of memory", StringComparison.OrdinalIgnoreCase)
        || message.Contains("can't allocate memory", StringComparison.OrdinalIgnoreCase)
        || message.Contains("not enough memory", StringComparison.OrdinalIgnoreCase);

    private static GridError OutOfMemory(Exception fault) => new(
        ErrorCodes.OutOfMemory, $"The device has not enough memory; lower optimizer.micro_batch_tokens or data.sequence_length. ({fault.Message})", "optimizer.micro_batch_tokens");
}
