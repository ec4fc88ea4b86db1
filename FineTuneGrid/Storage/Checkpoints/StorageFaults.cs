using FineTuneGrid.Contracts;

namespace FineTuneGrid.Storage;

/// <summary>Gives the failures of a store that have no type of their own one: the outcome is unknown, try again.</summary>
internal static class StorageFaults
{
    private const int Eio = 5;

    /// <summary>The disk itself fails: reading again will not help, so the blob counts as damaged.</summary>
    public static bool IsMediumError(IOException e) => e.HResult == Eio;

    public static async Task<T> TypedAsync<T>(string doing, Func<Task<T>> work)
    {
        try
        {
            return await work();
        }
        catch (Exception e) when (e is IOException or TimeoutException)
        {
            throw new GridException(ErrorCodes.Unavailable, $"The storage failed while {doing} ({e.Message.TrimEnd('.')}); try again.", inner: e);
        }
    }
}
