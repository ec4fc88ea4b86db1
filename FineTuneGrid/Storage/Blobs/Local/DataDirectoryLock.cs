using System.Text.Json;
using FineTuneGrid.Contracts;

namespace FineTuneGrid.Storage;

/// <summary>
/// Makes sure that one host at a time serves a data directory. The lock is the operating system's (flock), so it ends with
/// the process, however that ends; the process id is kept beside it only for the message.
/// </summary>
public sealed class DataDirectoryLock : IDisposable
{
    private readonly FileStream _lock;

    private DataDirectoryLock(FileStream heldLock) => _lock = heldLock;

    /// <exception cref="GridException">in_use: another process holds the directory (named by its id).</exception>
    public static DataDirectoryLock Acquire(string directory)
    {
        directory = Path.GetFullPath(directory);
        LocalDirectories.CreateDurably(directory);
        var ownerPath = Path.Combine(directory, "host.json");
        FileStream held;
        try
        {
            held = new FileStream(Path.Combine(directory, "host.lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (UnauthorizedAccessException e)
        {
            throw new GridException(ErrorCodes.InvalidValue, $"The data directory '{directory}' cannot be written; check its owner and permissions.", "data", e);
        }
        catch (IOException e) when (!DiskErrors.IsDiskFull(e))
        {
            throw new GridException(ErrorCodes.InUse, $"The data directory '{directory}' is in use by {OwnerOf(ownerPath)}; stop it or choose another directory with --data.", "data", e);
        }
        catch (IOException e)
        {
            throw DiskErrors.Translate(e, directory);
        }
        var taken = new DataDirectoryLock(held);
        try
        {
            File.WriteAllBytes(ownerPath, JsonSerializer.SerializeToUtf8Bytes(new Owner(Environment.ProcessId), JsonSerializerOptions.Web));
            return taken;
        }
        catch
        {
            taken.Dispose();
            throw;
        }
    }

    public void Dispose() => _lock.Dispose();

    private static string OwnerOf(string path)
    {
        try
        {
            return JsonSerializer.Deserialize<Owner>(File.ReadAllBytes(path), JsonSerializerOptions.Web) is { } owner ? $"pid {owner.Pid}" : "another process";
        }
        catch (Exception e) when (e is IOException or JsonException or UnauthorizedAccessException)
        {
            // The owner has only just started, or does not let us read its note: the message is less precise, nothing else.
            return "another process";
        }
    }

    private sealed record Owner(int Pid);
}
