using System.Text;
using FineTuneGrid.EndToEnd;

namespace FineTuneGrid.Browser.Tests.Support;

/// <summary>A grid with something on every page: a job that ended well and one that waits, an adapter, data sets good and bad.</summary>
public sealed class ShownGrid : IAsyncLifetime
{
    private const string Adapter = "team/shown";

    internal GridProcess Grid { get; private set; } = null!;

    internal string Ended { get; private set; } = null!;

    internal string Waiting { get; private set; } = null!;

    /// <summary>Every page there is, with an address on this grid.</summary>
    internal IReadOnlyList<(string Name, string Path)> Pages { get; private set; } = [];

    public async Task InitializeAsync()
    {
        Grid = await GridProcess.StartAsync();
        try
        {
            await FillAsync();
        }
        catch
        {
            await Grid.DisposeAsync(); // A fixture that was not made is not disposed of.
            throw;
        }
    }

    public async Task DisposeAsync() => await Grid.DisposeAsync();

    private async Task FillAsync()
    {
        await TinyData.AddToAsync(Grid);
        var bad = await Grid.AddAsync("datasets", "with-faults", ("rows.jsonl", Encoding.UTF8.GetBytes("{\"prompt\":\"a\",\"completion\":\"b\"}\n{\"prompt\":\"c\",\"completion\":\"\"}\n")));
        Assert.True((int)bad.Status == 422, bad.Text);
        Ended = await Grid.SubmitAsync(TinyData.Job(Adapter, job => job["evaluation"] = new System.Text.Json.Nodes.JsonObject { ["every_steps"] = 40 }));
        await new JobEvents(Grid, Ended).SucceededAsync();
        // Continued from the first, so that the lineage has two rows.
        await new JobEvents(Grid, await Grid.SubmitAsync(TinyData.Job(Adapter, job =>
        {
            job["method"]!["init_adapter"] = Adapter;
            job["optimizer"]!["max_steps"] = 20;
        }))).SucceededAsync();
        Waiting = await Grid.SubmitAsync(TinyData.Job("team/waits"));
        (await Grid.PostAsync($"/api/v1/jobs/{Waiting}/pause")).Ok();
        var node = (await Grid.GetAsync("/api/v1/nodes")).Ok().Json.GetProperty("data")[0].GetProperty("id").GetString();
        Pages =
        [
            ("login", "/login"), ("overview", "/"), ("jobs", "/jobs?state=active"), ("job-ended", $"/jobs/{Ended}"), ("job-waits", $"/jobs/{Waiting}"), ("job-new", $"/jobs/new?from={Ended}"), ("models", "/models"),
            ("datasets", "/datasets"), ("dataset", $"/datasets/{await IdAsync("train")}"), ("dataset-faults", $"/datasets/{await IdAsync("with-faults")}"), ("adapters", "/adapters"), ("adapter", $"/adapters/{Adapter}"),
            ("nodes", "/nodes"), ("node", $"/nodes/{node}"), ("keys", "/keys"),
        ];
    }

    private async Task<string> IdAsync(string dataset) => (await Grid.GetAsync($"/api/v1/datasets/{dataset}")).Ok()["id"]!;
}

[CollectionDefinition(Name)]
public sealed class ShownGridGroup : ICollectionFixture<ShownGrid>
{
    public const string Name = "shown grid";
}
