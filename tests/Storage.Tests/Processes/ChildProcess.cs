using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Threading.Channels;

namespace FineTuneGrid.Storage.Tests;

/// <summary>A process running <see cref="Program"/>; its acknowledgements can be awaited, it can be stopped and killed.</summary>
public sealed partial class ChildProcess : IDisposable
{
    private const int Stop = 19;
    private const int Continue = 18;
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private readonly Process _process;
    private readonly Channel<string> _lines = Channel.CreateUnbounded<string>();
    private readonly Task _reading;
    private readonly Task<string> _errors;

    public ChildProcess(params string[] args)
    {
        var host = Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") is { Length: > 0 } path ? path : "dotnet";
        var start = new ProcessStartInfo(host, [typeof(Program).Assembly.Location, .. args])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        _process = Process.Start(start)!;
        _errors = _process.StandardError.ReadToEndAsync();
        _reading = ReadAsync();
    }

    public int Id => _process.Id;

    /// <summary>Number in the last line <c>ack N</c>; complete once the process ended.</summary>
    public long LastAcknowledged { get; private set; }

    public async Task<string> NextLineAsync()
    {
        using var limit = new CancellationTokenSource(Limit);
        try
        {
            return await _lines.Reader.ReadAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            throw new TimeoutException($"No line from process {Id} within {Limit}.");
        }
        catch (ChannelClosedException)
        {
            throw new InvalidOperationException($"Process {Id} ended: {await _errors}");
        }
    }

    /// <summary>False where it has ended.</summary>
    public bool TrySuspend() => kill(Id, Stop) == 0;

    public void Resume() => Assert.Equal(0, kill(Id, Continue));

    /// <summary>SIGKILL; afterwards everything that it acknowledged is known.</summary>
    public async Task KillAsync()
    {
        _process.Kill();
        await EndAsync();
    }

    /// <summary>Waits for a regular end.</summary>
    public async Task SucceedAsync()
    {
        _process.StandardInput.Close();
        await EndAsync();
        Assert.True(_process.ExitCode == 0, $"Process {Id} failed: {await _errors}");
    }

    public bool HasExited => _process.HasExited;

    public void Dispose()
    {
        if (!_process.HasExited)
            _process.Kill();
        _process.Dispose();
    }

    private async Task EndAsync()
    {
        using var limit = new CancellationTokenSource(Limit);
        await _process.WaitForExitAsync(limit.Token);
        await _reading;
    }

    private async Task ReadAsync()
    {
        while (await _process.StandardOutput.ReadLineAsync() is { } line)
        {
            if (line.StartsWith("ack ", StringComparison.Ordinal) && long.TryParse(line.AsSpan(4), out var number))
                LastAcknowledged = number;
            _lines.Writer.TryWrite(line);
        }
        _lines.Writer.Complete();
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int kill(int pid, int signal);
}
