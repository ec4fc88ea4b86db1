namespace FineTuneGrid.Gateway.Tests.Support;

/// <summary>A clock that the test moves. Timers are those of the system.</summary>
internal sealed class ManualTime(DateTimeOffset now) : TimeProvider
{
    public DateTimeOffset Now { get; set; } = now;

    public override DateTimeOffset GetUtcNow() => Now;
}
