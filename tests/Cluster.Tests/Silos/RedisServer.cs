using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using FineTuneGrid.EndToEnd;
using FineTuneGrid.Silo;

namespace FineTuneGrid.Cluster;

/// <summary>One Redis on a free port with an append-only file, which may be killed and started again.</summary>
internal sealed class RedisServer : IAsyncDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("ftg-redis-").FullName;
    private readonly int _port = FreePort.Take();
    private Process? _process;

    public string ConnectionString => $"127.0.0.1:{_port.ToString(CultureInfo.InvariantCulture)}";

    public async Task StartAsync()
    {
        var start = new ProcessStartInfo("redis-server") { RedirectStandardOutput = true, WorkingDirectory = _folder };
        foreach (var argument in (string[])["--port", _port.ToString(CultureInfo.InvariantCulture), "--bind", "127.0.0.1", "--dir", _folder, "--appendonly", "yes", "--appendfsync", "always", "--save", ""])
            start.ArgumentList.Add(argument);
        _process = Process.Start(start)!;
        var lines = new List<string>();
        var ready = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
        _process.OutputDataReceived += (_, e) =>
        {
            if (e.Data is null) return;
            lock (lines) lines.Add(e.Data);
            if (e.Data.Contains("eady to accept connections", StringComparison.Ordinal)) ready.TrySetResult(true);
        };
        _process.BeginOutputReadLine();
        await Eventually.Within(ready.Task, "Redis to accept connections", () => string.Join('\n', lines));
    }

    /// <summary>SIGKILL.</summary>
    public async Task KillAsync()
    {
        _process!.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
        _process = null;
    }

    /// <summary>All that it knows is gone, as where it keeps nothing on disk and is started again.</summary>
    public async Task EmptyAsync()
    {
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, _port);
        await client.GetStream().WriteAsync("FLUSHALL\r\n"u8.ToArray());
        var answer = new byte[5];
        await client.GetStream().ReadExactlyAsync(answer);
        Assert.Equal("+OK\r\n"u8.ToArray(), answer);
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is not null) await KillAsync();
        Directory.Delete(_folder, recursive: true);
    }
}
