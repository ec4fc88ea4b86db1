using FineTuneGrid.Orleans.Tests.Support;
using Orleans;
using Orleans.Runtime;
using Orleans.Serialization;

namespace FineTuneGrid.Orleans.Tests;

/// <summary>What values and exceptions look like after a call, inside the silo's process and over a connection.</summary>
public abstract class ValueTests
{
    protected abstract bool Remote { get; }

    [Fact]
    public Task JsonRecord_ArrivesEqualAndOwn() => RunAsync(async grain =>
    {
        var sizes = new List<int> { 1, 2 };
        var spec = new Spec("a", sizes, new() { ["x"] = double.MaxValue });
        var echoed = await grain.Keep(spec);
        Assert.Equal(spec.Sizes, echoed.Sizes);
        Assert.Equal(double.MaxValue, echoed.Options!["x"]);
        sizes.Add(3);
        Assert.Equal([1, 2], (await grain.Kept())!.Sizes);
    });

    [Fact]
    public Task Result_ChangedByCaller_IsNotTheGrainsOwn() => RunAsync(async grain =>
    {
        var list = await grain.KeepList([1]);
        list.Add(5);
        Assert.Equal([1, 2], await grain.KeepList([2]));
    });

    [Fact]
    public Task GeneratedTypes_Hierarchy_KeepTypeAndMarkedMembers() => RunAsync(async grain =>
    {
        var dog = new Dog { Name = "Rex", Legs = 4, NotSent = "x", Friends = [new Dog { Name = "Ace" }, new Animal { Name = "Cat" }] };
        var echo = Assert.IsType<Dog>(await grain.EchoAnimal(dog));
        Assert.Equal(("Rex", 4, null), (echo.Name, echo.Legs, echo.NotSent));
        Assert.IsType<Dog>(echo.Friends[0]);
        Assert.Equal("Cat", Assert.IsType<Animal>(echo.Friends[1]).Name);
        Assert.Equal(new Point(1, 2) { Label = "l" }, await grain.EchoPoint(new Point(1, 2) { Label = "l" }));
    });

    [Fact]
    public Task Collections_ArriveEqual() => RunAsync(async grain =>
    {
        var dictionary = await grain.EchoDictionary(new() { ["a"] = new Spec("s", [1]), ["b"] = null });
        Assert.Equal("s", dictionary["a"]!.Name);
        Assert.Null(dictionary["b"]);
        Assert.Equal(("x", null, Colour.Green), await grain.EchoTuple(("x", null, Colour.Green)));
        Assert.Equal([1, 2, 255], await grain.EchoBytes([1, 2, 255]));
        Assert.Equal("n", Assert.Single(await grain.EchoArray([new Spec("n", [])])).Name);
        Assert.Equal(double.NegativeInfinity, await grain.Half(double.NegativeInfinity));
        await grain.Nothing();
    });

    [Fact]
    public Task Object_KeepsItsType() => RunAsync(async grain =>
    {
        Assert.Equal(5L, await grain.EchoObject(5L));
        Assert.Equal("s", await grain.EchoObject("s"));
        Assert.Null(await grain.EchoObject(null));
        Assert.Equal("o", Assert.IsType<Spec>(await grain.EchoObject(new Spec("o", []))).Name);
        Assert.Equal(new Dictionary<int, string> { [1] = "a" }, await grain.EchoObject(new Dictionary<int, string> { [1] = "a" }));
    });

    [Fact]
    public Task TypeOfACopier_IsSharedWithinTheProcess() => RunAsync(async grain =>
    {
        var badge = new Badge("b");
        var echoed = await grain.EchoObject(badge);
        Assert.Equal(badge, echoed);
        Assert.Equal(!Remote, ReferenceEquals(badge, echoed));

        // A collection is copied whatever it holds: its sender may go on with it.
        var badges = new List<Badge> { badge };
        var copied = Assert.IsType<List<Badge>>(await grain.EchoObject(badges));
        Assert.NotSame(badges, copied);
        Assert.Equal(!Remote, ReferenceEquals(badge, copied[0]));
    });

    [Fact]
    public Task TypeOfACopierWithoutSerializer_TravelsOnlyWithinTheProcess() => RunAsync(async grain =>
    {
        var whisper = new Whisper("w");
        if (Remote)
            await Assert.ThrowsAnyAsync<SerializerException>(async () => await grain.EchoObject(whisper));
        else
            Assert.Same(whisper, await grain.EchoObject(whisper));
    });

    [Fact]
    public Task GrainReference_StaysCallable() => RunAsync(async grain =>
    {
        var self = await grain.Self();
        Assert.Equal("v", self.GetPrimaryKeyString());
        Assert.Equal("v", await self.KeyOf(self));
    });

    [Fact]
    public Task UnknownType_IsRefused() => RunAsync(async grain =>
    {
        await Assert.ThrowsAnyAsync<SerializerException>(async () => await grain.EchoObject(new Stranger()));
        await Assert.ThrowsAnyAsync<SerializerException>(async () => await grain.MakeStranger());
        Assert.Equal(1L, await grain.EchoObject(1L));
    });

    [Fact]
    public Task ReadOnlyList_OfACompilerMadeType_ArrivesAsAList() => RunAsync(async grain =>
    {
        int[] expected = [0, 1, 2];
        Assert.Equal(expected, Assert.IsType<int[]>(await grain.ArrayAsReadOnlyList(3)));
        Assert.Empty(await grain.ArrayAsReadOnlyList(0));
        Assert.Equal(expected, Assert.IsType<List<int>>(await grain.SpreadIntoReadOnlyList(3)));
        await Assert.ThrowsAnyAsync<SerializerException>(async () => await grain.EchoObject(ReadOnly(1)));

        static IReadOnlyList<int> ReadOnly(int last) => [.. Enumerable.Range(0, last)];
    });

    [Fact]
    public Task ConvertedException_KeepsTypeAndMembers() => RunAsync(async grain =>
    {
        var thrown = await Assert.ThrowsAsync<ConvertedException>(() => grain.Throw("converted"));
        Assert.Equal(("code-4", "converted message"), (thrown.Code, thrown.Message));
    });

    [Fact]
    public Task SystemException_KeepsTypeMessageAndInner() => RunAsync(async grain =>
    {
        var thrown = await Assert.ThrowsAsync<ArgumentException>(() => grain.Throw("argument"));
        Assert.Equal("bad argument", thrown.Message);
        Assert.Equal("inner", Assert.IsType<FormatException>(thrown.InnerException).Message);
        Assert.Contains(nameof(ValueGrain.Throw), thrown.StackTrace);
    });

    [Fact]
    public Task GeneratedException_KeepsTypeAndMembers() => RunAsync(async grain =>
    {
        var thrown = await Assert.ThrowsAsync<TypedException>(() => grain.Throw("typed"));
        Assert.Equal(("code-1", "typed message"), (thrown.Code, thrown.Message));
    });

    [Fact]
    public Task JsonException_KeepsTypeAndMembers() => RunAsync(async grain =>
    {
        var thrown = await Assert.ThrowsAsync<JsonException2>(() => grain.Throw("json"));
        Assert.Equal(("code-3", "json message"), (thrown.Code, thrown.Message));
    });

    [Fact]
    public Task PlainException_TravelsOnlyWithinTheProcess() => RunAsync(async grain =>
    {
        if (!Remote)
        {
            Assert.Equal("code-2", (await Assert.ThrowsAsync<PlainException>(() => grain.Throw("plain"))).Code);
            return;
        }

        await Assert.ThrowsAnyAsync<SerializerException>(() => grain.Throw("plain"));
    });

    [Fact]
    public Task RequestContext_TravelsWithTheCall() => RunAsync(async grain =>
    {
        RequestContext.Set("token", "secret");
        Assert.Equal("secret", await grain.Context("token"));
        RequestContext.Remove("token");
        Assert.Null(await grain.Context("token"));
    });

    protected abstract Task RunAsync(Func<IValueGrain, Task> test);
}

public sealed class LocalValueTests : ValueTests
{
    protected override bool Remote => false;

    protected override async Task RunAsync(Func<IValueGrain, Task> test)
    {
        await using var silo = await TestSilo.StartAsync();
        await test(silo.Grains.GetGrain<IValueGrain>("v"));
    }
}

public sealed class RemoteValueTests : ValueTests
{
    protected override bool Remote => true;

    protected override async Task RunAsync(Func<IValueGrain, Task> test)
    {
        await using var silo = await TestSilo.StartAsync();
        using var client = await TestSilo.StartClientAsync(silo.GatewayPort);
        await test(TestSilo.ClientOf(client).GetGrain<IValueGrain>("v"));
        await client.StopAsync();
    }
}
