using System.Text.Json.Nodes;

[assembly: CollectionBehavior(DisableTestParallelization = true)]

namespace FineTuneGrid.EndToEnd;

/// <summary>One grid for all suites, with the tiny base, its data, and the adapter of one undisturbed run.</summary>
public sealed class SharedGrid : IAsyncLifetime
{
    public const string Name = "shared grid";

    internal GridProcess Grid { get; private set; } = null!;

    /// <summary>SHA-256 of the adapter that an undisturbed run of <see cref="TinyData.Job"/> makes.</summary>
    internal string ReferenceSha256 { get; private set; } = null!;

    internal const string ReferenceAdapter = "team/reference";

    public async Task InitializeAsync()
    {
        Grid = await GridProcess.StartAsync();
        try
        {
            await TinyData.AddToAsync(Grid);
            ReferenceSha256 = await TrainAsync(TinyData.Job(ReferenceAdapter));
        }
        catch
        {
            await Grid.DisposeAsync(); // A fixture that was not made is not disposed of.
            throw;
        }
    }

    /// <summary>Trains to the end, undisturbed; gives the adapter's digest.</summary>
    internal async Task<string> TrainAsync(JsonObject job)
    {
        await new JobEvents(Grid, await Grid.SubmitAsync(job)).SucceededAsync();
        return await Grid.OnlyVersionAsync(job["adapter"]!.ToString());
    }

    /// <summary>Id of the undisturbed run.</summary>
    internal async Task<string> ReferenceJobAsync()
    {
        var jobs = (await Grid.GetAsync("/api/v1/jobs?limit=1000")).Ok().Json.GetProperty("data");
        return jobs.EnumerateArray().Single(j => j.GetProperty("adapter").GetString() == ReferenceAdapter).GetProperty("id").GetString()!;
    }

    public async Task DisposeAsync() => await Grid.DisposeAsync();
}

[CollectionDefinition(SharedGrid.Name)]
public sealed class SharedGridGroup : ICollectionFixture<SharedGrid>;
