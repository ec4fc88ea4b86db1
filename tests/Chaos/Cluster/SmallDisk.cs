using System.Diagnostics;
using System.Globalization;

namespace FineTuneGrid.Chaos;

/// <summary>A file system of its own, small enough to be filled. It lies in memory; making one needs the right to mount.</summary>
internal sealed class SmallDisk : IDisposable
{
    private static readonly byte[] Block = new byte[64 << 10];

    private readonly string _path;

    private SmallDisk(string path) => _path = path;

    private string Filler => Path.Combine(_path, "filler");

    /// <summary>Null where this user may not mount.</summary>
    /// <param name="path">An empty folder, or one to be made.</param>
    public static SmallDisk? TryMount(string path, int megabytes)
    {
        Directory.CreateDirectory(path);
        return Run("mount", "-t", "tmpfs", "-o", string.Create(CultureInfo.InvariantCulture, $"size={megabytes}m"), "finetunegrid", path) ? new SmallDisk(path) : null;
    }

    /// <summary>Whether this user may mount.</summary>
    public static bool IsPossible()
    {
        var probe = Directory.CreateTempSubdirectory("ftg-mount-").FullName;
        using (var disk = TryMount(probe, 1))
            if (disk is null) return Removed(probe, false);
        return Removed(probe, true);
    }

    /// <summary>Leaves not a byte.</summary>
    public void Fill()
    {
        using var filler = new FileStream(Filler, FileMode.Append, FileAccess.Write, FileShare.Read, bufferSize: 0);
        for (var size = Block.Length; size >= 1; size /= 2)
        {
            try
            {
                while (true) filler.Write(Block.AsSpan(0, size));
            }
            catch (IOException)
            {
                // No room for so much: try less.
            }
        }
    }

    public void Free() => File.Delete(Filler);

    /// <summary>Whoever still has a file open there keeps it until it ends.</summary>
    public void Dispose() => Run("umount", "--lazy", _path);

    private static bool Removed(string path, bool answer)
    {
        Directory.Delete(path);
        return answer;
    }

    private static bool Run(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program) { RedirectStandardError = true };
        foreach (var argument in arguments) start.ArgumentList.Add(argument);
        try
        {
            using var process = Process.Start(start)!;
            process.WaitForExit();
            return process.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false; // There is no such program here.
        }
    }
}
