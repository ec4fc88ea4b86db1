using System.Collections.Concurrent;
using System.Globalization;
using System.Text.Json;
using FineTuneGrid.EndToEnd;

namespace FineTuneGrid.Chaos;

/// <summary>A job that the grid has accepted.</summary>
internal sealed record AcceptedJob(string Id, string Adapter, int Variant);

/// <summary>The jobs of a run: users who submit them and wait for each, and what each must come to.</summary>
/// <param name="limit">A job that takes longer is lost.</param>
internal sealed class JobStream(ChaosClient client, int steps, int checkpointEvery, TimeSpan limit)
{
    public const int BatchSize = 8;

    /// <summary>Jobs that differ: the same bytes for all would hide a mix-up.</summary>
    public const int Variants = 3;

    private static readonly string[] Terminal = ["succeeded", "failed", "cancelled"];
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(250);

    private readonly ConcurrentQueue<AcceptedJob> _accepted = new();
    private readonly string[] _expected = new string[Variants];
    private int _next;

    public int Steps => steps;

    /// <summary>What the grid has answered a submission with.</summary>
    public IReadOnlyCollection<AcceptedJob> Accepted => _accepted;

    public async Task AddDataAsync()
    {
        await AddAsync("models", "base", TinyModel.Files);
        await AddAsync("datasets", "train", ("train.jsonl", TinyData.Rows(96, seed: 1)));
        await AddAsync("datasets", "validation", ("validation.jsonl", TinyData.Rows(12, seed: 2)));
    }

    /// <summary>Trains each variant once, undisturbed.</summary>
    public Task LearnExpectedAsync() => Task.WhenAll(Enumerable.Range(0, Variants).Select(async variant =>
    {
        var job = await CreateAsync($"quiet/variant-{variant}", variant);
        await EndAsync(job);
        _expected[variant] = (await DigestsAsync(job.Adapter)).Single();
    }));

    public async Task SubmitUntilAsync(CancellationToken over)
    {
        while (!over.IsCancellationRequested)
        {
            var number = Interlocked.Increment(ref _next);
            await EndAsync(await SubmitAsync($"chaos/job-{number}", number % Variants));
        }
    }

    public async Task<AcceptedJob> SubmitAsync(string adapter, int variant)
    {
        var job = await CreateAsync(adapter, variant);
        _accepted.Enqueue(job);
        return job;
    }

    /// <summary>What became of these jobs, once they have ended.</summary>
    public async Task<List<EndedJob>> CollectAsync(IEnumerable<AcceptedJob> jobs)
    {
        var ended = new List<EndedJob>();
        foreach (var job in jobs)
        {
            var status = await EndAsync(job);
            var told = (await client.ListAsync($"/api/v1/jobs/{job.Id}/metrics")).Select(s => s.GetProperty("step").GetInt32()).ToList();
            var checkpoints = (await client.ListAsync($"/api/v1/jobs/{job.Id}/checkpoints")).Select(c => (c.GetProperty("step").GetInt32(), c.GetProperty("samples_consumed").GetInt64())).ToList();
            ended.Add(new EndedJob(job.Id, job.Adapter, status, _expected[job.Variant], status == "succeeded" ? await DigestsAsync(job.Adapter) : [], told, checkpoints));
        }
        return ended;
    }

    private async Task AddAsync(string kind, string name, params (string Path, byte[] Bytes)[] files)
    {
        await client.PostAsync($"/api/v1/{kind}", $$"""{"name":"{{name}}"}""");
        foreach (var (path, bytes) in files) await client.PutAsync($"/api/v1/{kind}/{name}/files/{path}", bytes);
        await client.PostAsync($"/api/v1/{kind}/{name}/commit", null);
    }

    private async Task<AcceptedJob> CreateAsync(string adapter, int variant)
    {
        var spec = TinyData.Job(adapter, job =>
        {
            job["optimizer"]!["max_steps"] = steps;
            job["optimizer"]!["batch_size"] = BatchSize;
            job["optimizer"]!["seed"] = 100 + variant;
            job["checkpoint"]!["every_steps"] = checkpointEvery;
        });
        return new AcceptedJob((await client.PostAsync("/api/v1/jobs", spec.ToJsonString(), key: adapter)).GetProperty("id").GetString()!, adapter, variant);
    }

    private async Task<string> EndAsync(AcceptedJob accepted)
    {
        using var late = new CancellationTokenSource(limit);
        using var timer = new PeriodicTimer(Look);
        var job = default(JsonElement);
        try
        {
            while (true)
            {
                job = await client.GetAsync($"/api/v1/jobs/{accepted.Id}");
                if (job.GetProperty("status").GetString() is { } status && Terminal.Contains(status)) return status;
                await timer.WaitForNextTickAsync(late.Token);
            }
        }
        catch (OperationCanceledException)
        {
            return string.Create(CultureInfo.InvariantCulture, $"still {job.GetProperty("status").GetString()} after {limit.TotalMinutes} min: {job}");
        }
    }

    private async Task<IReadOnlyList<string>> DigestsAsync(string adapter) =>
    [
        .. from version in (await client.GetAsync($"/api/v1/adapters/{adapter}")).GetProperty("versions").EnumerateArray()
           from file in version.GetProperty("files").EnumerateArray()
           where file.GetProperty("path").GetString() == "adapter_model.safetensors"
           select file.GetProperty("sha256").GetString()!,
    ];
}
