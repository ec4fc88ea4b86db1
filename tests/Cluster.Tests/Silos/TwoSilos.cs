using System.Text.Json;
using FineTuneGrid.EndToEnd;
using FineTuneGrid.Storage.Tests;

namespace FineTuneGrid.Cluster;

/// <summary>Two silos with gateways as processes, one node agent, Redis for the membership and Azurite for the blobs; a tiny base and its data.</summary>
public sealed class TwoSilos : IAsyncLifetime
{
    public const string Name = "two silos";

    private readonly AzuriteFixture _azurite = new();

    internal RedisServer Redis { get; } = new();

    internal GridProcess A { get; private set; } = null!;

    internal GridProcess B { get; private set; } = null!;

    internal NodeProcess Node { get; private set; } = null!;

    internal IReadOnlyDictionary<string, string> Environment { get; private set; } = null!;

    /// <summary>SHA-256 of the adapter that an undisturbed run of <see cref="Job"/> makes.</summary>
    internal string ReferenceSha256 { get; private set; } = null!;

    /// <summary>Long enough for a silo to be found dead while it trains.</summary>
    internal static System.Text.Json.Nodes.JsonObject Job(string adapter) => TinyData.Job(adapter, job =>
    {
        job["optimizer"]!["max_steps"] = 240;
        job["checkpoint"]!["every_steps"] = 60;
    });

    public async Task InitializeAsync()
    {
        await _azurite.InitializeAsync();
        await Redis.StartAsync();
        Environment = new Dictionary<string, string>
        {
            ["FTG__Clustering__Redis"] = Redis.ConnectionString, ["FTG__Clustering__ClusterId"] = "test-1",
            ["FTG__Storage__AzureBlob"] = _azurite.ConnectionString, ["FTG__Storage__Container"] = "grid",
        };
        A = await LaunchAsync("silo-a");
        B = await LaunchAsync("silo-b");
        Node = await NodeProcess.StartAsync("gpu-1", B, Environment);
        await TinyData.AddToAsync(A);
        ReferenceSha256 = await TrainAsync("team/reference");
    }

    public async Task DisposeAsync()
    {
        if (Node is not null) await Node.DisposeAsync();
        foreach (var silo in (GridProcess?[])[A, B])
            if (silo is not null) await silo.DisposeAsync();
        await Redis.DisposeAsync();
        await _azurite.DisposeAsync();
    }

    internal Task<GridProcess> LaunchAsync(string name) => GridProcess.StartAsync(["--roles", "silo,gateway", "--lease", "45", "--node-name", name], Environment);

    private async Task<string> TrainAsync(string adapter)
    {
        await new JobEvents(A, await A.SubmitAsync(Job(adapter))).SucceededAsync();
        return await A.OnlyVersionAsync(adapter);
    }

    /// <summary>The members as one silo tells of them.</summary>
    internal static async Task<IReadOnlyList<JsonElement>> MembersAsync(GridProcess silo) =>
        [.. (await silo.GetAsync("/api/v1/cluster/members")).Ok().Json.GetProperty("data").EnumerateArray()];

    internal static async Task<IReadOnlyList<JsonElement>> ActiveAsync(GridProcess silo) =>
        [.. (await MembersAsync(silo)).Where(m => m.GetProperty("status").GetString() == "active")];

    /// <summary>SIGKILL, and the end of the process.</summary>
    internal static async Task KillAsync(GridProcess silo)
    {
        await silo.KillAsync(Part.Host);
        await silo.HostEndedAsync();
    }

    /// <summary>The registry holds one version, of the reference's bytes; the job ended once.</summary>
    internal async Task EndsRightAsync(GridProcess silo, JobEvents events, string adapter)
    {
        await events.SucceededAsync();
        Assert.Equal(ReferenceSha256, await silo.OnlyVersionAsync(adapter));
        Assert.Single(events.Seen, e => e.Status == "succeeded");
    }
}

[CollectionDefinition(TwoSilos.Name)]
public sealed class TwoSilosGroup : ICollectionFixture<TwoSilos>;
