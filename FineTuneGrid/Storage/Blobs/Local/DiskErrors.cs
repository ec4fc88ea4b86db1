using FineTuneGrid.Contracts;

namespace FineTuneGrid.Storage;

/// <summary>Turns the errors of a full disk into the one that tells a user what to do.</summary>
public static class DiskErrors
{
    /// <summary>The disk is full, or a quota of it is used up: it may have room again later.</summary>
    public static bool IsDiskFull(IOException e) => e.HResult is Posix.Enospc or Posix.Edquot;

    /// <summary>insufficient_storage for a full disk or an exhausted quota; any other error as it is.</summary>
    public static Exception Translate(IOException e, string directory) =>
        IsDiskFull(e)
            ? new GridException(ErrorCodes.InsufficientStorage, $"The disk that holds '{directory}' is full; free space there or move the data directory to a larger disk.", inner: e)
            : e;
}
