using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.InteropServices;

namespace FineTuneGrid.TrainerSupport.Links;

/// <summary>A network of its own on this machine, with its own interfaces and addresses. It needs root.</summary>
internal sealed partial class NetworkNamespace : IDisposable
{
    private const int ReadOnlyCloseOnExec = 0x80000;
    private const int CloneNewNet = 0x40000000;

    private NetworkNamespace(string name) => Name = name;

    public string Name { get; }

    public static NetworkNamespace Create(string name)
    {
        Run("ip", "netns", "add", name);
        Run("ip", "-n", name, "link", "set", "lo", "up");
        return new NetworkNamespace(name);
    }

    /// <summary>Runs a program to its end and gives its output.</summary>
    /// <exception cref="InvalidOperationException">It ended with an error.</exception>
    public static string Run(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0
            ? output
            : throw new InvalidOperationException($"'{program} {string.Join(' ', arguments)}' ended with {process.ExitCode}: {errors.Result.Trim()}");
    }

    public string Ip(params string[] arguments) => Run("ip", ["-n", Name, .. arguments]);

    public string Tc(params string[] arguments) => Run("tc", ["-n", Name, .. arguments]);

    /// <summary>Does work on a thread that is in this network; sockets that it opens stay there.</summary>
    public T Enter<T>(Func<T> work)
    {
        var done = new TaskCompletionSource<T>();
        var thread = new Thread(() =>
        {
            try
            {
                Join();
                done.SetResult(work());
            }
            catch (Exception e)
            {
                done.SetException(e);
            }
        }) { IsBackground = true, Name = $"in {Name}" };
        thread.Start();
        return done.Task.GetAwaiter().GetResult();
    }

    /// <summary>Its processes have ended by then; interfaces and addresses go with it.</summary>
    public void Dispose() => Run("ip", "netns", "delete", Name);

    /// <summary>The thread never leaves again: it ends with its work.</summary>
    private void Join()
    {
        var file = Open($"/run/netns/{Name}", ReadOnlyCloseOnExec);
        if (file < 0) throw new Win32Exception(Marshal.GetLastPInvokeError());
        var result = SetNamespace(file, CloneNewNet);
        var error = Marshal.GetLastPInvokeError();
        _ = Close(file);
        if (result != 0) throw new Win32Exception(error);
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "setns", SetLastError = true)]
    private static partial int SetNamespace(int file, int kind);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int file);
}
