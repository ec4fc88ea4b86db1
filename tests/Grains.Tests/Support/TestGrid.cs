using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Access;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Contracts.Jobs;
using FineTuneGrid.Contracts.Provenance;
using FineTuneGrid.Grains;
using FineTuneGrid.Grains.Jobs;
using FineTuneGrid.Grains.Planning;
using FineTuneGrid.Grains.Registry;
using FineTuneGrid.Silo;
using FineTuneGrid.Storage;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans;
using Orleans.Serialization.Cloning;

namespace FineTuneGrid.Grains.Tests.Support;

/// <summary>A whole control plane in this process, on a data directory of its own: real silo, real store, scripted nodes.</summary>
internal sealed class TestGrid : IAsyncDisposable
{
    public const string Org = "acme";
    private static readonly Principal Admin = new("key-test", null, Role.Admin);

    private readonly IHost _host;
    private readonly LocalBlobStore _store;

    private TestGrid(IHost host, LocalBlobStore store, string directory, int gatewayPort, byte[] secret)
    {
        (_host, _store, Directory, GatewayPort, Secret) = (host, store, directory, gatewayPort, secret);
    }

    public string Directory { get; }

    public int GatewayPort { get; }

    public byte[] Secret { get; }

    public IGrainFactory Grains => _host.Services.GetRequiredService<IGrainFactory>();

    public FakeInspector Inspector => (FakeInspector)_host.Services.GetRequiredService<IInspector>();

    public FakeCheckpoints Checkpoints => (FakeCheckpoints)_host.Services.GetRequiredService<IJobCheckpoints>();

    public FakePlanner Planner => (FakePlanner)_host.Services.GetRequiredService<IJobPlanner>();

    public IBlobStore Blobs => _store;

    public IPoolGrain Pool => Grains.GetGrain<IPoolGrain>(PoolKeys.Default);

    /// <param name="witness">Sees every contract value that a call within the process shares.</param>
    public static async Task<TestGrid> StartAsync(
        string? directory = null, Func<IBlobStore, IBlobStore>? wrap = null, Action<GridOptions>? configure = null, CallWitness? witness = null)
    {
        directory ??= System.IO.Directory.CreateTempSubdirectory("ftg-grains-").FullName;
        var store = new LocalBlobStore(Path.Combine(directory, "blobs"));
        var secret = RandomNumberGenerator.GetBytes(32);
        var options = new GridSiloOptions
        {
            Blobs = BlobAccessIssuer.Local(store.Root),
            NodeSecret = secret,
            SigningKey = SigningKey.CreatePem(),
            SiloPort = FreePort.Take(),
            GatewayPort = FreePort.Take(),
            InspectorCommand = [],
            Grid = Quick(configure),
        };
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Logging.SetMinimumLevel(LogLevel.None);
        builder.Services.AddSingleton<IInspector>(new FakeInspector(store));
        builder.Services.AddSingleton<IJobCheckpoints>(new FakeCheckpoints(store));
        builder.Services.AddSingleton<IJobPlanner, FakePlanner>();
        if (witness is not null)
            // The first copier that supports a type has it.
            builder.Services.AddSingleton<IGeneralizedCopier>(witness);
        builder.AddGridSilo(options, wrap?.Invoke(store) ?? store);
        var host = builder.Build();
        await host.StartAsync();
        return new TestGrid(host, store, directory, options.GatewayPort, secret);
    }

    public async Task<string> AddModelAsync(string name = "base")
    {
        var id = await Grains.GetGrain<IOrgGrain>(Org).Claim(Ids.Model, name);
        var model = Grains.GetGrain<IModelGrain>(id);
        await model.Create(Org, name);
        await model.AddFile(await StoreAsync($"models/{id}/files/1", "config.json", name));
        await model.Commit("mit");
        return id;
    }

    public async Task<string> AddDatasetAsync(string name = "data")
    {
        var id = await Grains.GetGrain<IOrgGrain>(Org).Claim(Ids.Dataset, name);
        var dataset = Grains.GetGrain<IDatasetGrain>(id);
        await dataset.Create(Org, name);
        await dataset.AddFile(await StoreAsync($"datasets/{id}/source/1", "rows.parquet", name));
        await dataset.Commit(null);
        return id;
    }

    public async Task<SourceFile> StoreAsync(string key, string path, string text)
    {
        var bytes = System.Text.Encoding.UTF8.GetBytes(text);
        await _store.WriteBytesAsync(key, bytes);
        return new SourceFile(path, key, bytes.Length, Convert.ToHexStringLower(SHA256.HashData(bytes)));
    }

    public IJobGrain NewJob() => Grains.GetGrain<IJobGrain>(Ids.New(Ids.Job, DateTimeOffset.UtcNow));

    public async Task<IJobGrain> SubmitAsync(string? extra = null)
    {
        var job = NewJob();
        await job.Submit(Submission(extra));
        return job;
    }

    public static JobSubmission Submission(string? extra = null)
    {
        var json = $$"""{"base_model":"base","adapter":"{{Org}}/tuned","data":{"train":"data"}{{(extra is null ? "" : "," + extra)}}}""";
        return new JobSubmission(JobSpecReader.Read(System.Text.Encoding.UTF8.GetBytes(json)), Org, Admin, null);
    }

    public static async Task<JobView> ReachesAsync(IJobGrain job, params JobStatus[] wanted)
    {
        var deadline = DateTime.UtcNow + Limit;
        var after = 0L;
        while (true)
        {
            var view = await job.Get();
            if (view is not null && wanted.Contains(view.Status))
                return view;
            if (DateTime.UtcNow > deadline)
                throw new TimeoutException($"The job should be {string.Join(" or ", wanted)}, but is {view?.Status} (waiting: {view?.Waiting?.Text}; error: {view?.Error?.Message}).");
            after = Math.Max(after, (await job.Events(after, 100, 1)).NextAfter);
        }
    }

    public static TimeSpan Limit => TimeSpan.FromSeconds(30);

    /// <summary>Ends without any farewell to agents; the directory stays.</summary>
    public async Task StopAsync()
    {
        await _host.StopAsync();
        _host.Dispose();
        _store.Dispose();
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        for (var left = 100; ; left--)
        {
            try
            {
                System.IO.Directory.Delete(Directory, recursive: true);
                return;
            }
            catch (IOException) when (left > 0)
            {
                // The last write of a grain outlives its silo by a moment.
                await Task.Delay(20);
            }
        }
    }

    private static GridOptions Quick(Action<GridOptions>? configure)
    {
        var options = new GridOptions
        {
            PoolTick = TimeSpan.FromMilliseconds(100),
            WakeEvery = TimeSpan.FromMilliseconds(500),
            EffectRetry = TimeSpan.FromMilliseconds(100),
            Scheduler = new() { LeaseGraceMs = 100, ResendMs = 500, BackoffBaseMs = 50 },
        };
        configure?.Invoke(options);
        return options;
    }
}
