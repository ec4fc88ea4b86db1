using System.Text;
using FineTuneGrid.Trainer.Session;

namespace FineTuneGrid.Trainer.Tests;

public sealed class LogOutputTests
{
    [Fact]
    public void Lines_OnAFullDevice_AreLostAndNothingElse()
    {
        using var full = new FileStream("/dev/full", FileMode.Open, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
        Assert.Throws<IOException>(() => full.Write("x"u8)); // It is what it says.
        using var log = LogOutput.Writer(full);
        log.WriteLine("step 1");
        log.WriteLine("step 2");
    }

    [Fact]
    public void Line_AfterTheDiskWasFull_SaysWhatWasLost()
    {
        using var disk = new Disk();
        var log = LogOutput.Writer(disk);
        log.WriteLine("step 1");
        disk.IsFull = true;
        log.WriteLine("step 2");
        log.WriteLine("step 3");
        disk.IsFull = false;
        log.WriteLine("step 4");
        var lines = Encoding.UTF8.GetString(disk.ToArray()).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(["step 1", "step 4"], lines.Where(l => l.StartsWith("step", StringComparison.Ordinal)));
        Assert.EndsWith("session: 14 bytes of this log found no room on the disk", lines[1], StringComparison.Ordinal);
        Assert.Equal(3, lines.Length);
    }

    private sealed class Disk : MemoryStream
    {
        public bool IsFull { get; set; }

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            if (IsFull) throw new IOException("No space left on device");
            base.Write(buffer);
        }
    }
}
