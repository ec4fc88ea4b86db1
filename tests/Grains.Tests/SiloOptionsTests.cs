using System.Security.Cryptography;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Silo;
using FineTuneGrid.Storage;

namespace FineTuneGrid.Grains.Tests;

/// <summary>Settings are checked before anything starts, and the one at fault is named.</summary>
public sealed class SiloOptionsTests
{
    public static TheoryData<string, GridSiloOptions> Faults => new()
    {
        { "silo-port", Good() with { SiloPort = 0 } },
        { "gateway-port", Good() with { GatewayPort = 70_000 } },
        { "gateway-port", Good() with { GatewayPort = Good().SiloPort } },
        { "node_renew", Good() with { Grid = new() { NodeLease = TimeSpan.FromSeconds(5), NodeRenew = TimeSpan.FromSeconds(4) } } },
        { "pool_tick", Good() with { Grid = new() { PoolTick = TimeSpan.Zero } } },
        { "wake_concurrency", Good() with { Grid = new() { WakeConcurrency = 0 } } },
    };

    [Theory]
    [MemberData(nameof(Faults))]
    public void Setting_OutOfBounds_IsNamed(string key, GridSiloOptions options)
    {
        var refused = Assert.Throws<GridException>(options.Validate);
        Assert.Equal(key, refused.Field);
        Assert.Contains(key, refused.Message);
    }

    [Fact]
    public void Defaults_AreAccepted() => Good().Validate();

    private static GridSiloOptions Good() => new() { Blobs = BlobAccessIssuer.Local("/tmp/blobs"), NodeSecret = RandomNumberGenerator.GetBytes(32), SigningKey = "", InspectorCommand = [] };
}
