using System.Text.Json;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Adapters;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Grains.Tests.Support;

namespace FineTuneGrid.Grains.Tests;

/// <summary>The stages of an adapter's versions: one champion, gates that hold, a history that stays.</summary>
public sealed class StageTests
{
    private const string Ann = "key-ann";
    private const string Bob = "key-bob";

    [Fact]
    public async Task Champion_IsOne_TheOneBeforeIsArchived_AndComesBackByItsAlias()
    {
        await using var grid = await TestGrid.StartAsync();
        var adapter = await AdapterAsync(grid, versions: 3);
        await adapter.Promote(new("1", AdapterStages.Champion, Ann));
        await adapter.Promote(new("2", AdapterStages.Candidate, Ann));
        await adapter.Promote(new("3", AdapterStages.Candidate, Ann));
        Assert.Equal("3", (await adapter.Get())!.Find(AdapterStages.Candidate)!.Version);
        await adapter.Promote(new("2", AdapterStages.Champion, Bob));

        var view = (await adapter.Get())!;
        Assert.Equal(["archived", "champion", "candidate"], view.Versions.Select(v => v.Stage));
        Assert.Equal(("2", "1", "3"), (view.Find("champion")!.Version, view.Find("archived")!.Version, view.Find(null)!.Version));

        await adapter.Promote(new(view.Find("archived")!.Version, AdapterStages.Champion, Bob));
        view = (await adapter.Get())!;
        Assert.Equal(("1", "2"), (view.Find("champion")!.Version, view.Find("archived")!.Version));
    }

    [Fact]
    public async Task History_SaysWhoAndWhen_NewestFirst_AndOutlivesTheSilo()
    {
        var directory = Directory.CreateTempSubdirectory("ftg-stages-").FullName;
        var began = DateTimeOffset.UtcNow;
        var grid = await TestGrid.StartAsync(directory);
        var adapter = await AdapterAsync(grid, versions: 2);
        var id = (await adapter.Get())!.Id;
        await adapter.Promote(new("1", AdapterStages.Champion, Ann));
        await adapter.Promote(new("1", AdapterStages.Champion, Bob));
        await adapter.Promote(new("2", AdapterStages.Champion, Bob));
        await grid.StopAsync();

        await using var again = await TestGrid.StartAsync(directory);
        var history = await again.Grains.GetGrain<IAdapterGrain>(id).StageHistory();
        Assert.Equal(
            [(3, "2", null, "champion", Bob), (2, "1", "champion", "archived", Bob), (1, "1", null, "champion", Ann)],
            history.Select(c => (c.Seq, c.Version, c.From, c.Stage, c.By)));
        Assert.All(history, c => Assert.InRange(c.At, began, DateTimeOffset.UtcNow));
    }

    [Theory]
    [InlineData("""[{"metric":"train_loss","max":9},{"metric":"valid_loss","max":1.5}]""", "evaluation.gates[1]", "valid_loss is 2, above")]
    [InlineData("""[{"metric":"valid_accuracy","min":0.9}]""", "evaluation.gates[0]", "did not measure it")]
    public async Task Champion_ThatDoesNotKeepAGate_IsRefusedByItsName(string gates, string field, string says)
    {
        await using var grid = await TestGrid.StartAsync();
        var adapter = await AdapterAsync(grid, versions: 1, gates);
        var refusal = await Assert.ThrowsAsync<GridException>(() => adapter.Promote(new("1", AdapterStages.Champion, Ann)));
        Assert.Equal((ErrorCodes.GateFailed, field), (refusal.Code, refusal.Field));
        Assert.Contains(says, refusal.Message);
        Assert.Empty(await adapter.StageHistory());
        Assert.Equal("candidate", (await adapter.Promote(new("1", AdapterStages.Candidate, Ann))).Stage);
    }

    [Fact]
    public async Task Champion_ThatKeepsItsGates_IsTaken() =>
        await WithAdapterAsync("""[{"metric":"valid_loss","max":2},{"metric":"train_loss","min":1,"max":1}]""", async adapter =>
            Assert.Equal("champion", (await adapter.Promote(new("1", AdapterStages.Champion, Ann))).Stage));

    [Fact]
    public async Task Champion_IsNotDeleted_BeforeItIsArchived() => await WithAdapterAsync("[]", async adapter =>
    {
        await adapter.Promote(new("1", AdapterStages.Champion, Ann));
        Assert.Equal(ErrorCodes.InUse, (await Assert.ThrowsAsync<GridException>(() => adapter.Delete("1"))).Code);
        await adapter.Promote(new("1", AdapterStages.Archived, Ann));
        await adapter.Delete("1");
        Assert.Null((await adapter.Get())!.Find(AdapterStages.Archived));
    });

    [Theory]
    [InlineData("2", "champion", ErrorCodes.NotFound)]
    [InlineData("1", "retired", ErrorCodes.InvalidValue)]
    public async Task Promotion_OfNothingOrToNothing_IsRefused(string version, string stage, string code) => await WithAdapterAsync("[]", async adapter =>
        Assert.Equal(code, (await Assert.ThrowsAsync<GridException>(() => adapter.Promote(new(version, stage, Ann)))).Code));

    private static async Task WithAdapterAsync(string gates, Func<IAdapterGrain, Task> test)
    {
        await using var grid = await TestGrid.StartAsync();
        await test(await AdapterAsync(grid, versions: 1, gates));
    }

    /// <summary>Versions with a training loss of 1 and a validation loss of 2, of jobs with these gates.</summary>
    private static async Task<IAdapterGrain> AdapterAsync(TestGrid grid, int versions, string gates = "[]")
    {
        var adapter = grid.Grains.GetGrain<IAdapterGrain>(await grid.Grains.GetGrain<IOrgGrain>(TestGrid.Org).Claim(Ids.Adapter, "staged"));
        await adapter.Create(TestGrid.Org, "staged");
        var spec = GridJson.Parse<JsonElement>("{\"evaluation\":{\"gates\":" + gates + "}}");
        for (var i = 1; i <= versions; i++)
        {
            var file = await grid.StoreAsync($"jobs/staged-{i}/adapter_config.json", "adapter_config.json", $$"""{"r":{{i}}}""");
            await adapter.Publish(new AdapterPublication($"job-{i}", [file],
                new AdapterLineage("lora", $"job-{i}", "base", null, null, null, null, null, null, null, null, null, null, spec), new AdapterMetrics(10, 1, 2, 100, 1)));
        }
        return adapter;
    }
}
