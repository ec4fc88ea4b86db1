using FineTuneGrid.Gateway.Quotas;

namespace FineTuneGrid.Gateway.Tests;

/// <summary>Used bytes between two looks at the store.</summary>
public sealed class UsageLedgerTests
{
    private static readonly DateTimeOffset Start = new(2026, 3, 3, 12, 0, 0, TimeSpan.Zero);

    private readonly UsageLedger _ledger = new();

    [Theory]
    [InlineData(40, true)]
    [InlineData(41, false)]
    public void Reserve_UpToTheQuota_AndNoFurther(long bytes, bool fits)
    {
        _ledger.Scanned(60, Start);
        Assert.Equal(fits, _ledger.TryReserve(bytes, 100));
        Assert.Equal(fits ? 60 + bytes : 60, _ledger.Used);
    }

    [Fact]
    public void Reserve_AtTheQuota_IsRefusedEvenForNothing()
    {
        _ledger.Scanned(100, Start);
        Assert.False(_ledger.TryReserve(0, 100));
        Assert.False(_ledger.TryReserve(0, 0));
    }

    [Fact]
    public void Reserve_TheWholeRange_DoesNotOverflow()
    {
        _ledger.Scanned(long.MaxValue - 1, Start);
        Assert.False(_ledger.TryReserve(long.MaxValue, long.MaxValue));
        Assert.True(_ledger.TryReserve(1, long.MaxValue));
    }

    [Fact]
    public void Settled_FailedUpload_GivesItsRoomBack()
    {
        Assert.True(_ledger.TryReserve(70, 100));
        Assert.False(_ledger.TryReserve(70, 100));
        _ledger.Settle(70, 0, Start);
        Assert.Equal(0, _ledger.Used);
    }

    [Fact]
    public void Scanned_WhatWasStoredBeforeTheLookBegan_IsInIt_WhatCameAfterIsAdded()
    {
        foreach (var (bytes, second) in ((long, int)[])[(10, 1), (20, 3)])
        {
            Assert.True(_ledger.TryReserve(bytes, 1000));
            _ledger.Settle(bytes, bytes, Start.AddSeconds(second));
        }
        _ledger.Scanned(10, Start.AddSeconds(2));
        Assert.Equal(30, _ledger.Used);
        _ledger.Scanned(30, Start.AddSeconds(4));
        Assert.Equal(30, _ledger.Used);
    }

    [Fact]
    public async Task Reserve_ByManyAtOnce_NeverExceedsTheQuota()
    {
        var taken = await Task.WhenAll(Enumerable.Range(0, 64).Select(_ => Task.Run(() => _ledger.TryReserve(7, 100))));
        Assert.Equal(14, taken.Count(t => t));
    }
}
