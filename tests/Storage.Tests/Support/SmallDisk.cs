using System.Diagnostics;

namespace FineTuneGrid.Storage.Tests;

/// <summary>A file system in memory with little space.</summary>
public sealed class SmallDisk : IDisposable
{
    public SmallDisk(string path, string size)
    {
        Directory.CreateDirectory(path);
        Path = path;
        Assert.True(Run("mount", "-t", "tmpfs", "-o", $"size={size}", "none", path), "mount failed");
    }

    public string Path { get; }

    public static bool IsPossible { get; } = CanMount();

    public void Dispose() => Assert.True(Run("umount", Path), "umount failed");

    private static bool CanMount()
    {
        var probe = Directory.CreateTempSubdirectory("ftg-mount-").FullName;
        try
        {
            return Run("mount", "-t", "tmpfs", "-o", "size=1m", "none", probe) && Run("umount", probe);
        }
        finally
        {
            Directory.Delete(probe);
        }
    }

    private static bool Run(string program, params string[] args)
    {
        using var process = Process.Start(new ProcessStartInfo(program, args) { RedirectStandardError = true, RedirectStandardOutput = true })!;
        process.WaitForExit();
        return process.ExitCode == 0;
    }
}

/// <summary>Runs where this process may mount a file system; elsewhere the test is reported as skipped.</summary>
public sealed class FactIfMountableAttribute : FactAttribute
{
    public FactIfMountableAttribute()
    {
        if (!SmallDisk.IsPossible)
            Skip = "needs the right to mount a small tmpfs";
    }
}
