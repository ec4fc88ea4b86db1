using System.Diagnostics;
using System.Runtime.InteropServices;
using Microsoft.Extensions.Hosting;

namespace FineTuneGrid.Host;

/// <summary>
/// The life of an agent that a host started. A line on standard input asks for a peaceful end. Its end without one means that the
/// host was killed: the agent goes the same way at once, and its trainers wait, within their lease, for the next agent. Signals that
/// a terminal or an init system sends to all processes alike are the host's to act on.
/// </summary>
internal sealed class ParentLifetime(IHostApplicationLifetime lifetime) : IHostLifetime, IDisposable
{
    private readonly PosixSignalRegistration[] _signals =
        [.. new[] { PosixSignal.SIGINT, PosixSignal.SIGTERM }.Select(signal => PosixSignalRegistration.Create(signal, context => context.Cancel = true))];

    public Task WaitForStartAsync(CancellationToken cancellationToken)
    {
        _ = FollowAsync();
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public void Dispose()
    {
        foreach (var signal in _signals) signal.Dispose();
    }

    private async Task FollowAsync()
    {
        // The console reads synchronously whatever the method is called.
        if (await Task.Run(Console.In.ReadLine) is null) Process.GetCurrentProcess().Kill();
        lifetime.StopApplication();
    }
}
