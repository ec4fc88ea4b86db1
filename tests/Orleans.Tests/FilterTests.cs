using System.Collections.Concurrent;
using FineTuneGrid.Orleans.Tests.Support;
using Orleans;
using Orleans.Hosting;
using Orleans.Runtime;

namespace FineTuneGrid.Orleans.Tests;

public sealed class FilterTests
{
    [Fact]
    public async Task IncomingFilters_RunInOrderAroundTheGrainsOwn()
    {
        await using var silo = await TestSilo.StartAsync(builder => builder
            .AddIncomingGrainCallFilter<FirstFilter>()
            .AddIncomingGrainCallFilter<SecondFilter>());
        Assert.Equal(4, await silo.Grains.GetGrain<IFilteredGrain>("f").Double(2));
        Assert.Equal(["first Double", "second Double", "own filter Double", "second done", "first done"], silo.Journal.Entries);
    }

    [Fact]
    public async Task OwnFilter_SetsResult_CallerSeesIt()
    {
        await using var silo = await TestSilo.StartAsync();
        Assert.Equal(5, await silo.Grains.GetGrain<IFilteredGrain>("plus").Double(2));
    }

    [Fact]
    public async Task IncomingFilter_Throws_CallerGetsItAndTheGrainIsNotReached()
    {
        await using var silo = await TestSilo.StartAsync(builder => builder.AddIncomingGrainCallFilter(context =>
            context.InterfaceMethod.DeclaringType == typeof(IFilteredGrain) ? throw new UnauthorizedAccessException("no") : context.Invoke()));
        await Assert.ThrowsAsync<UnauthorizedAccessException>(() => silo.Grains.GetGrain<IFilteredGrain>("f").Double(2));
        Assert.Equal(0, silo.Journal.Count("own filter Double"));
    }

    [Fact]
    public async Task IncomingFilter_NeitherGoesOnNorSetsResult_IsAnError()
    {
        await using var silo = await TestSilo.StartAsync(builder => builder.AddIncomingGrainCallFilter(context =>
            context.InterfaceMethod.DeclaringType == typeof(IFilteredGrain) ? Task.CompletedTask : context.Invoke()));
        await Assert.ThrowsAsync<InvalidOperationException>(() => silo.Grains.GetGrain<IFilteredGrain>("f").Double(2));
    }

    [Fact]
    public async Task IncomingContext_TellsWhoCallsWhat()
    {
        var seen = new ConcurrentQueue<string>();
        await using var silo = await TestSilo.StartAsync(builder => builder.AddIncomingGrainCallFilter(context =>
        {
            if (context.InterfaceMethod.DeclaringType!.Assembly == typeof(FilterTests).Assembly)
                seen.Enqueue(Describe(context));
            return context.Invoke();
        }));
        await silo.Grains.GetGrain<IFilteredGrain>("a").CallOther("b");
        Assert.Equal(1, await silo.Grains.GetGrain<IAliasedGrain>("x").One());
        using var client = await TestSilo.StartClientAsync(silo.GatewayPort);
        await TestSilo.ClientOf(client).GetGrain<IFilteredGrain>("c").Double(3);
        await client.StopAsync();
        Assert.Equal(
            [
                "hosted client -> filtered/a FineTuneGrid.Orleans.Tests.IFilteredGrain.CallOther FilteredGrain.CallOther 1",
                "filtered/a -> filtered/b FineTuneGrid.Orleans.Tests.IFilteredGrain.Double FilteredGrain.Double 1",
                "hosted client -> aliased/x FineTuneGrid.Orleans.Tests.IAliasedGrain.One AliasedGrain.One 0",
                "client -> filtered/c FineTuneGrid.Orleans.Tests.IFilteredGrain.Double FilteredGrain.Double 1",
            ],
            seen);
    }

    [Fact]
    public async Task IncomingFilter_SeesTimerTicks()
    {
        var ticks = new TaskCompletionSource<GrainId?>();
        await using var silo = await TestSilo.StartAsync(builder => builder.AddIncomingGrainCallFilter(async context =>
        {
            await context.Invoke();
            if (context.InterfaceName == "IGrainTimerInvoker" && context.TargetId.Type.ToString() == "filtered")
                ticks.TrySetResult(context.SourceId);
        }));
        await silo.Grains.GetGrain<IFilteredGrain>("t").StartTimer();
        Assert.Equal("filtered/t", (await ticks.Task.WaitAsync(TimeSpan.FromSeconds(10))).ToString());
    }

    [Fact]
    public async Task OutgoingFilters_OfSiloAndClient_SetTheContext()
    {
        await using var silo = await TestSilo.StartAsync(builder => builder.AddOutgoingGrainCallFilter(context =>
        {
            RequestContext.Set("token", $"silo {context.MethodName}");
            return context.Invoke();
        }));
        Assert.Equal("silo Token", await silo.Grains.GetGrain<IFilteredGrain>("a").Token());
        using var client = await TestSilo.StartClientAsync(silo.GatewayPort, builder => builder.AddOutgoingGrainCallFilter(context =>
        {
            RequestContext.Set("token", $"client {context.MethodName}");
            return context.Invoke();
        }));
        Assert.Equal("client Token", await TestSilo.ClientOf(client).GetGrain<IFilteredGrain>("a").Token());
        await client.StopAsync();
    }

    [Fact]
    public async Task OutgoingFilter_AnswersItself_NothingIsSent()
    {
        await using var silo = await TestSilo.StartAsync(builder => builder.AddOutgoingGrainCallFilter(context =>
        {
            if (context.InterfaceMethod.Name != nameof(IFilteredGrain.Double))
                return context.Invoke();
            context.Result = 77;
            return Task.CompletedTask;
        }));
        Assert.Equal(77, await silo.Grains.GetGrain<IFilteredGrain>("a").Double(1));
        Assert.Equal(0, silo.Journal.Count("own filter Double"));
    }

    private static string Describe(IIncomingGrainCallContext context)
    {
        var source = context.SourceId!.Value;
        var caller = !source.IsClient() ? source.ToString()
            : source.Key.ToString().StartsWith("hosted-", StringComparison.Ordinal) ? "hosted client"
            : "client";
        return $"{caller} -> {context.TargetId} {context.InterfaceName}.{context.MethodName} "
            + $"{context.ImplementationMethod.DeclaringType!.Name}.{context.ImplementationMethod.Name} {context.Request.GetArgumentCount()}";
    }

    private sealed class FirstFilter(Journal journal) : IIncomingGrainCallFilter
    {
        public Task Invoke(IIncomingGrainCallContext context) => TraceAsync("first", journal, context);
    }

    private sealed class SecondFilter(Journal journal) : IIncomingGrainCallFilter
    {
        public Task Invoke(IIncomingGrainCallContext context) => TraceAsync("second", journal, context);
    }

    private static async Task TraceAsync(string name, Journal journal, IIncomingGrainCallContext context)
    {
        var isOurs = context.InterfaceMethod.DeclaringType == typeof(IFilteredGrain);
        if (isOurs)
            journal.Write($"{name} {context.MethodName}");
        await context.Invoke();
        if (isOurs)
            journal.Write($"{name} done");
    }
}
