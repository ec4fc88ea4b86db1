using System.Security.Cryptography;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace FineTuneGrid.Storage;

/// <summary>
/// Downloaded versions of remote blobs, one file each, named by a digest of key and ETag; shared by the processes of a
/// machine. Beyond the size limit those longest unused go first; whoever has one open keeps it.
/// </summary>
internal sealed class DownloadCache(string directory, long maxBytes = 64L << 30)
{
    private static readonly TimeSpan StrayAge = TimeSpan.FromDays(1);

    private readonly string _directory = Path.GetFullPath(directory);

    public LocalFile? TryOpen(BlobInfo info)
    {
        var path = PathOf(info);
        SafeFileHandle handle;
        try
        {
            handle = File.OpenHandle(path);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
        if (RandomAccess.GetLength(handle) != info.Length)
        {
            handle.Dispose();
            File.Delete(path);
            return null;
        }
        File.SetLastAccessTimeUtc(handle, DateTime.UtcNow);
        return new LocalFile(info, path, handle);
    }

    /// <summary>Keeps the content and opens it; null where it was evicted at once by another process.</summary>
    public async Task<LocalFile?> AddAsync(BlobContent content, CancellationToken cancellation)
    {
        Directory.CreateDirectory(_directory);
        var path = PathOf(content.Info);
        var temporary = $"{path}.{Guid.NewGuid():N}.part";
        try
        {
            await using (var file = new FileStream(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.Read, 0, FileOptions.Asynchronous))
            {
                await content.Stream.CopyToAsync(file, 1 << 20, cancellation);
                if (file.Length != content.Info.Length)
                    throw new IOException($"The download of '{content.Info.Key}' ended after {file.Length} of {content.Info.Length} bytes.");
            }
            Evict(content.Info.Length);
            File.Move(temporary, path, overwrite: true);
        }
        catch (IOException e) when (DiskErrors.IsDiskFull(e))
        {
            throw DiskErrors.Translate(e, _directory);
        }
        finally
        {
            File.Delete(temporary);
        }
        return TryOpen(content.Info);
    }

    private void Evict(long incoming)
    {
        var files = new DirectoryInfo(_directory).GetFiles();
        foreach (var stray in files.Where(f => f.Extension == ".part" && DateTime.UtcNow - f.LastWriteTimeUtc > StrayAge))
            stray.Delete();
        var kept = files.Where(f => f.Extension != ".part").OrderBy(f => f.LastAccessTimeUtc).ToList();
        var total = kept.Sum(f => f.Length) + incoming;
        foreach (var file in kept.TakeWhile(_ => total > maxBytes))
        {
            total -= file.Length;
            file.Delete();
        }
    }

    private string PathOf(BlobInfo info) =>
        Path.Combine(_directory, Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{info.Key}\n{info.ETag}"))));
}
