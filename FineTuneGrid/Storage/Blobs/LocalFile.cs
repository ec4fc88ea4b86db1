using Microsoft.Win32.SafeHandles;

namespace FineTuneGrid.Storage;

/// <summary>
/// One version of a blob as a file of this machine, for memory mapping. The open handle (and every mapping made from it)
/// stays valid whatever happens to the blob; the path may vanish once the blob is overwritten or deleted.
/// </summary>
public sealed class LocalFile(BlobInfo info, string path, SafeFileHandle handle) : IDisposable
{
    public BlobInfo Info { get; } = info;

    /// <summary>Readable as long as the blob is not overwritten or deleted; read only, never write to it.</summary>
    public string Path { get; } = path;

    /// <summary>Open for reading.</summary>
    public SafeFileHandle Handle { get; } = handle;

    public void Dispose() => Handle.Dispose();
}
