using FineTuneGrid.Contracts;

namespace FineTuneGrid.Gateway.Quotas;

/// <summary>Room in a quota for one upload.</summary>
/// <param name="most">Bytes that may be stored.</param>
/// <param name="refuse">Makes the refusal of more.</param>
/// <param name="settle">Takes the bytes that were stored.</param>
public sealed class QuotaRoom(long most, Func<GridException>? refuse, Action<long>? settle) : IDisposable
{
    public static readonly QuotaRoom Unlimited = new(long.MaxValue, null, null);

    private long _stored;
    private bool _settled;

    public long Most { get; } = most;

    /// <summary>What to throw where more than <see cref="Most"/> arrives; null where that cannot be.</summary>
    public Func<GridException>? Refuse { get; } = refuse;

    public void Stored(long bytes) => _stored += bytes;

    public void Dispose()
    {
        if (_settled || settle is null) return;
        _settled = true;
        settle(_stored);
    }
}
