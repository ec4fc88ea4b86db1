using System.Text.Json.Nodes;
using FineTuneGrid.Contracts.Training;
using FineTuneGrid.TrainerSupport;
using FineTuneGrid.TrainerSupport.Links;

namespace FineTuneGrid.Bench.Links;

/// <summary>Two trainer processes, each in a network of its own, that do one run after another over one of the links between them.</summary>
internal sealed class LinkedPair : IAsyncDisposable
{
    private const double LeaseSeconds = 12 * 3600;

    private readonly TestStore _store = new();
    private readonly SlowLink _link;
    private readonly int _window;
    private readonly int _batchTokens;
    private IReadOnlyList<FakeAgent> _workers = [];
    private LinksJob _job = null!;
    private int _runs;

    private LinkedPair(SlowLink link, LinksPlan plan) => (_link, _window, _batchTokens) = (link, plan.LocalSteps, plan.BatchTokens);

    /// <param name="link">Stays the caller's.</param>
    public static async Task<LinkedPair> StartAsync(SlowLink link, LinksPlan plan)
    {
        var pair = new LinkedPair(link, plan);
        pair._job = await LinksJob.AddAsync(plan.Model, pair._store);
        pair._workers = await Task.WhenAll(Enumerable.Range(0, 2).Select(side => FakeAgent.StartAsync(pair._store, LeaseSeconds, network: link.Side(side).Name)));
        return pair;
    }

    public async Task<LinkedRun> RunAsync(Way way, int seed)
    {
        var order = Order($"job-{way.Mode}-{++_runs}", way, seed);
        var before = _link.SentBytes(way.IsSlow);
        var run = await GangRun.StartAsync(_store, order, _workers, address: rank => SlowLink.Address(rank, way.IsSlow));
        var finished = await run.FinishAsync();
        var sent = _link.SentBytes(way.IsSlow) - before;
        var steps = run.First.Reports.OfType<JobSteps>().Where(r => r.JobId == order.JobId).SelectMany(r => r.Steps).ToList();
        foreach (var worker in _workers) await worker.AcknowledgeAsync();
        return new LinkedRun(way, seed, steps, finished.Result, sent, _window);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var worker in _workers) await worker.DisposeAsync();
        _store.Dispose();
    }

    private TrainingOrder Order(string jobId, Way way, int seed) =>
        _job.With(_store.Order(jobId, train: _job.Train, change: json =>
        {
            json["optimizer"] = new JsonObject { ["max_steps"] = way.Steps, ["batch_tokens"] = _batchTokens, ["micro_batch_tokens"] = _batchTokens / 2, ["seed"] = seed };
            if (way.LocalSteps is { } local) json["optimizer"]!["local_steps"] = local;
            json["checkpoint"]!["every_steps"] = (way.LocalSteps ?? 1) * way.Steps;
            json["resources"] = new JsonObject { ["workers"] = 2 };
            json["mode"] = "fast";
            _job.Method(json);
        }));
}
