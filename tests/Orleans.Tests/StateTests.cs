using FineTuneGrid.Orleans.Tests.Support;
using Orleans.Hosting;
using Orleans.Runtime;
using Orleans.Runtime.Hosting;
using Orleans.Storage;

namespace FineTuneGrid.Orleans.Tests;

public sealed class StateTests
{
    private readonly FaultyStorage _storage = new();

    [Fact]
    public async Task State_Written_IsThereInTheNextActivation()
    {
        await using var silo = await StartAsync();
        var grain = silo.Grains.GetGrain<IStateGrain>("a");
        Assert.Equal((0, false, null), await grain.Read());
        await grain.Write(5);
        Assert.Equal((5, true, "1"), await grain.Read());
        await grain.Leave();
        Assert.Equal((5, true, "1"), await grain.Read());
        await grain.Clear();
        Assert.Equal((0, false, null), await grain.Read());
    }

    [Fact]
    public async Task MemoryStorage_Written_SurvivesDeactivationAndClears()
    {
        await using var silo = await StartAsync();
        var grain = silo.Grains.GetGrain<IMemoryStateGrain>("m");
        Assert.False(await grain.Exists());
        Assert.Equal(2, await grain.Add(2, "x"));
        await grain.Leave();
        Assert.Equal(5, await grain.Add(3, "y"));
        await grain.Clear();
        Assert.False(await grain.Exists());
        Assert.Equal(1, await grain.Add(1, "z"));
    }

    [Fact]
    public async Task Write_StaleETag_ThrowsAndEndsTheActivation()
    {
        await using var silo = await StartAsync();
        var grain = silo.Grains.GetGrain<IStateGrain>("a");
        await grain.Write(1);
        var before = await grain.Incarnation();
        _storage.Steal("counter:" + GrainIdOf(grain));
        await Assert.ThrowsAsync<InconsistentStateException>(() => grain.Write(2));
        Assert.NotEqual(before, await grain.Incarnation());
        Assert.Equal((99, true, "2"), await grain.Read());
    }

    [Fact]
    public async Task Write_StaleETagCaught_KeepsTheActivation()
    {
        await using var silo = await StartAsync();
        var grain = silo.Grains.GetGrain<IStateGrain>("a");
        await grain.Write(1);
        var before = await grain.Incarnation();
        _storage.Steal("counter:" + GrainIdOf(grain));
        Assert.Equal("caught", await grain.WriteAndCatch(2));
        Assert.Equal(before, await grain.Incarnation());
    }

    [Fact]
    public async Task Write_StaleETagInAnotherGrain_EndsOnlyThatOne()
    {
        await using var silo = await StartAsync();
        var caller = silo.Grains.GetGrain<IStateGrain>("caller");
        var callee = silo.Grains.GetGrain<IStateGrain>("callee");
        await callee.Write(1);
        var (callerBefore, calleeBefore) = (await caller.Incarnation(), await callee.Incarnation());
        _storage.Steal("counter:" + GrainIdOf(callee));
        await Assert.ThrowsAsync<InconsistentStateException>(() => caller.CallOther("callee"));
        Assert.Equal(callerBefore, await caller.Incarnation());
        Assert.NotEqual(calleeBefore, await callee.Incarnation());
    }

    [Fact]
    public async Task Write_StorageFails_IsWrappedAndKeepsTheActivation()
    {
        await using var silo = await StartAsync();
        var grain = silo.Grains.GetGrain<IStateGrain>("a");
        var before = await grain.Incarnation();
        _storage.NextWriteFails = new IOException("disk full");
        var thrown = await Assert.ThrowsAsync<OrleansException>(() => grain.Write(3));
        Assert.Contains("disk full", thrown.Message);
        Assert.IsType<IOException>(thrown.InnerException);
        Assert.Equal(before, await grain.Incarnation());
        Assert.Equal((3, false, null), await grain.Read());
    }

    [Fact]
    public async Task Storage_NotRegistered_SaysItsName()
    {
        await using var silo = await StartAsync();
        var thrown = await Assert.ThrowsAsync<InvalidOperationException>(() =>
            silo.Grains.GetGrain<IMissingStorageGrain>("a").Touch());
        Assert.Contains("nowhere", Assert.IsType<BadProviderConfigException>(thrown.GetBaseException()).Message);
    }

    private static string GrainIdOf(IStateGrain grain) => global::Orleans.GrainExtensions.GetGrainId(grain).ToString();

    private Task<TestSilo> StartAsync() =>
        TestSilo.StartAsync(builder => builder.Services.AddGrainStorage("fault", (_, _) => _storage));
}
