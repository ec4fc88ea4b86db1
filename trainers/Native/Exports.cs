using System.Runtime.InteropServices;

namespace FineTuneGrid.Native;

/// <summary>The library's exports. Every failing one leaves its message in <see cref="gn_take_error"/>.</summary>
internal static unsafe partial class Exports
{
    private const string Lib = "GridNative";

    [LibraryImport(Lib)] internal static partial nint gn_misfit();
    [LibraryImport(Lib)] internal static partial nint gn_take_error();

    [LibraryImport(Lib, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial nint gn_open(string name, string meeting, int port, string host, int rank, int size, int milliseconds);

    [LibraryImport(Lib)] internal static partial int gn_close(nint group);
    [LibraryImport(Lib)] internal static partial int gn_port(nint group);
    [LibraryImport(Lib)] internal static partial int gn_gather(nint group, int milliseconds);
    [LibraryImport(Lib)] internal static partial int gn_connect(nint group, int milliseconds);
    [LibraryImport(Lib)] internal static partial int gn_silent(nint group, int milliseconds);
    [LibraryImport(Lib)] internal static partial nint gn_all_gather(nint group, nint output, nint input);
    [LibraryImport(Lib)] internal static partial nint gn_all_to_all(nint group, nint output, long* outputCounts, nint input, long* inputCounts);
    [LibraryImport(Lib)] internal static partial nint gn_all_reduce(nint group, nint tensor);
    [LibraryImport(Lib)] internal static partial nint gn_broadcast(nint group, nint tensor, int root);
    [LibraryImport(Lib)] internal static partial nint gn_barrier(nint group);
    [LibraryImport(Lib)] internal static partial int gn_wait(nint work, int milliseconds);
    [LibraryImport(Lib)] internal static partial int gn_forget(nint work);
}
