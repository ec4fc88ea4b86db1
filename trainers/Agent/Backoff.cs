namespace FineTuneGrid.Agent;

/// <summary>Growing pauses between attempts: 0.1 s, doubled up to 3 s.</summary>
internal sealed class Backoff(TimeProvider time)
{
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(3);

    private TimeSpan _next = TimeSpan.FromMilliseconds(100);

    public async Task WaitAsync(CancellationToken cancellation)
    {
        await Task.Delay(_next, time, cancellation);
        _next = _next * 2 > Longest ? Longest : _next * 2;
    }
}
