using System.Text;

namespace FineTuneGrid.Trainer.Session;

/// <summary>
/// Standard output of a session, which is a file. A line that finds no room on the disk is lost, and with the next that does it is
/// said how many bytes were: training needs no log.
/// </summary>
internal sealed class LogOutput(Stream file) : Stream
{
    private long _lost;

    /// <summary>Makes the console write there from now on.</summary>
    public static void Install() => Console.SetOut(TextWriter.Synchronized(Writer(Console.OpenStandardOutput())));

    public static StreamWriter Writer(Stream file) => new(new LogOutput(file), new UTF8Encoding(false)) { AutoFlush = true };

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        try
        {
            if (_lost > 0)
            {
                file.Write(Encoding.UTF8.GetBytes(LogLine.Session($"{_lost} bytes of this log found no room on the disk") + "\n"));
                _lost = 0;
            }
            file.Write(buffer);
        }
        catch (IOException)
        {
            _lost += buffer.Length; // Told with the next line that is written.
        }
    }

    public override void Flush()
    {
        try
        {
            file.Flush();
        }
        catch (IOException)
        {
            // Each line is on its way already.
        }
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();
}
