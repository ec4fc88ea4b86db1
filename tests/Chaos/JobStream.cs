using System.Collections.Concurrent;
using System.Globalization;
using System.Text.Json;
using FineTuneGrid.EndToEnd;

namespace FineTuneGrid.Chaos;

/// <summary>Users who submit jobs one after the other and wait for each.</summary>
internal sealed class JobStream(ChaosClient client)
{
    public const int Steps = 60;
    public const int BatchSize = 8;

    /// <summary>Jobs that differ: the same bytes for all would hide a mix-up.</summary>
    public const int Variants = 3;

    private static readonly string[] Terminal = ["succeeded", "failed", "cancelled"];
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan JobLimit = TimeSpan.FromMinutes(10);

    private readonly ConcurrentQueue<(string Id, string Adapter, int Variant)> _accepted = new();
    private readonly string[] _expected = new string[Variants];
    private int _next;

    public IReadOnlyCollection<string> Accepted => [.. _accepted.Select(j => j.Id)];

    public async Task AddDataAsync()
    {
        await AddAsync("models", "base", TinyModel.Files);
        await AddAsync("datasets", "train", ("train.jsonl", TinyData.Rows(96, seed: 1)));
        await AddAsync("datasets", "validation", ("validation.jsonl", TinyData.Rows(12, seed: 2)));
    }

    /// <summary>Trains each variant once, undisturbed.</summary>
    public async Task LearnExpectedAsync()
    {
        for (var variant = 0; variant < Variants; variant++)
        {
            var adapter = $"quiet/variant-{variant}";
            await EndAsync(await SubmitAsync(adapter, variant));
            _expected[variant] = (await DigestsAsync(adapter)).Single();
        }
    }

    public async Task SubmitUntilAsync(CancellationToken over)
    {
        while (!over.IsCancellationRequested)
        {
            var number = Interlocked.Increment(ref _next);
            var (adapter, variant) = ($"chaos/job-{number}", number % Variants);
            var id = await SubmitAsync(adapter, variant);
            _accepted.Enqueue((id, adapter, variant));
            await EndAsync(id);
        }
    }

    /// <summary>What became of every accepted job.</summary>
    public async Task<List<EndedJob>> CollectAsync()
    {
        var ended = new List<EndedJob>();
        foreach (var (id, adapter, variant) in _accepted)
        {
            var status = await EndAsync(id);
            var steps = (await client.ListAsync($"/api/v1/jobs/{id}/metrics")).Select(s => s.GetProperty("step").GetInt32()).ToList();
            var checkpoints = (await client.ListAsync($"/api/v1/jobs/{id}/checkpoints")).Select(c => (c.GetProperty("step").GetInt32(), c.GetProperty("samples_consumed").GetInt64())).ToList();
            ended.Add(new EndedJob(id, adapter, status, _expected[variant], status == "succeeded" ? await DigestsAsync(adapter) : [], steps, checkpoints));
        }
        return ended;
    }

    private async Task AddAsync(string kind, string name, params (string Path, byte[] Bytes)[] files)
    {
        await client.PostAsync($"/api/v1/{kind}", $$"""{"name":"{{name}}"}""");
        foreach (var (path, bytes) in files) await client.PutAsync($"/api/v1/{kind}/{name}/files/{path}", bytes);
        await client.PostAsync($"/api/v1/{kind}/{name}/commit", null);
    }

    private async Task<string> SubmitAsync(string adapter, int variant)
    {
        var spec = TinyData.Job(adapter, job =>
        {
            job["optimizer"]!["max_steps"] = Steps;
            job["optimizer"]!["batch_size"] = BatchSize;
            job["optimizer"]!["seed"] = 100 + variant;
        });
        return (await client.PostAsync("/api/v1/jobs", spec.ToJsonString(), key: adapter)).GetProperty("id").GetString()!;
    }

    private async Task<string> EndAsync(string id)
    {
        using var limit = new CancellationTokenSource(JobLimit);
        using var timer = new PeriodicTimer(Look);
        var job = default(JsonElement);
        try
        {
            while (true)
            {
                job = await client.GetAsync($"/api/v1/jobs/{id}");
                if (job.GetProperty("status").GetString() is { } status && Terminal.Contains(status)) return status;
                await timer.WaitForNextTickAsync(limit.Token);
            }
        }
        catch (OperationCanceledException)
        {
            return string.Create(CultureInfo.InvariantCulture, $"still {job.GetProperty("status").GetString()} after {JobLimit.TotalMinutes} min: {job}");
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
