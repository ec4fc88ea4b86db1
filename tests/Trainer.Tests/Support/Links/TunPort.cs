using System.ComponentModel;
using System.Runtime.InteropServices;

namespace FineTuneGrid.TrainerSupport.Links;

/// <summary>
/// The program's end of a network interface (TUN): what the kernel sends on the interface is read here, one IP packet at a time, and
/// what is written here is what the interface receives.
/// </summary>
internal sealed unsafe partial class TunPort : IDisposable
{
    public const string Device = "/dev/net/tun";

    private const int ReadWriteCloseOnExec = 0x80002;
    private const nuint SetInterface = 0x400454ca;
    private const ushort TunWithoutHeader = 0x1001;
    private const short Readable = 1;

    private readonly int _file;

    private TunPort(int file) => _file = file;

    /// <summary>Makes the interface in the network of the calling thread.</summary>
    public static TunPort Create(string name)
    {
        var file = Open(Device, ReadWriteCloseOnExec);
        if (file < 0) throw new Win32Exception(Marshal.GetLastPInvokeError(), $"{Device} cannot be opened");
        var request = stackalloc byte[40];
        new Span<byte>(request, 40).Clear();
        System.Text.Encoding.ASCII.GetBytes(name, new Span<byte>(request, 15));
        *(ushort*)(request + 16) = TunWithoutHeader;
        if (Control(file, SetInterface, request) == 0) return new TunPort(file);
        var error = Marshal.GetLastPInvokeError();
        _ = Close(file);
        throw new Win32Exception(error, $"the interface {name} cannot be made");
    }

    /// <summary>The next packet's length; 0 where none came in time.</summary>
    public int Read(Span<byte> packet, int milliseconds)
    {
        var poll = new PollRequest { File = _file, Events = Readable };
        if (Poll(&poll, 1, milliseconds) <= 0) return 0;
        fixed (byte* to = packet) return (int)Math.Max(0, Read(_file, to, (nuint)packet.Length));
    }

    /// <summary>False where the interface did not take the packet: it is down, as a cut link is.</summary>
    public bool Write(ReadOnlySpan<byte> packet)
    {
        fixed (byte* from = packet) return Write(_file, from, (nuint)packet.Length) == packet.Length;
    }

    /// <summary>The interface goes with it.</summary>
    public void Dispose() => _ = Close(_file);

    [StructLayout(LayoutKind.Sequential)]
    private struct PollRequest
    {
        public int File;
        public short Events;
        public short Happened;
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    private static partial int Control(int file, nuint request, byte* argument);

    [LibraryImport("libc", EntryPoint = "poll")]
    private static partial int Poll(PollRequest* requests, nuint count, int milliseconds);

    [LibraryImport("libc", EntryPoint = "read")]
    private static partial nint Read(int file, byte* buffer, nuint count);

    [LibraryImport("libc", EntryPoint = "write")]
    private static partial nint Write(int file, byte* buffer, nuint count);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int file);
}
