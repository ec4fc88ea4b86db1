using System.Reflection;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using FineTuneGrid.Client;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Jobs;
using FineTuneGrid.Contracts.Models;
using FineTuneGrid.Gateway.Tests.Support;

namespace FineTuneGrid.Gateway.Tests;

/// <summary>The .NET client against a gateway.</summary>
[Collection(GatewayCollection.Name)]
public sealed class ClientTests(GatewayUnderTest gateway) : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("ftg-client-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Jobs_AreSubmittedFollowedAndSteered()
    {
        using var grid = await NewAsync();
        await gateway.Member.AddModelAsync("client-base");
        await File.WriteAllBytesAsync(Path.Combine(_folder, "rows.jsonl"), Samples.Rows());
        var data = await grid.Datasets.AddAsync("client-data", [Path.Combine(_folder, "rows.jsonl")], license: "cc0-1.0");
        Assert.Equal((AssetStatus.Ready, "cc0-1.0"), (data.Status, data.License));

        var request = new JobRequest
        {
            Name = "by the client", BaseModel = "client-base", Adapter = "acme/by-client", Data = new() { Train = "client-data" },
            Method = new() { Rank = 8, TargetModules = ["q_proj", "v_proj"] }, Optimizer = new() { MaxSteps = 7 },
        };
        var job = await grid.Jobs.SubmitAsync(request, "one-key");
        Assert.Equal(job.Id, (await grid.Jobs.SubmitAsync(request, "one-key")).Id);
        Assert.Equal((8, 7, "acme/by-client"), (job.Spec.Method.Rank, job.Spec.Optimizer.MaxSteps, job.Adapter));
        Assert.Equal(["q_proj", "v_proj"], job.Spec.Method.TargetModules.Deserialize<string[]>()!);
        Assert.Contains(job.Id, await IdsAsync(grid));

        Assert.Equal(JobStatus.Cancelled, (await grid.Jobs.CancelAsync(job.Id)).Status);
        var events = new List<JobEvent>();
        await foreach (var e in grid.Jobs.EventsAsync(job.Id)) events.Add(e);
        Assert.Equal(Enumerable.Range(1, events.Count).Select(i => (long)i), events.Select(e => e.Seq));
        Assert.Equal(JobStatus.Cancelled, (await grid.Jobs.WaitAsync(job.Id)).Status);
        Assert.Equal(ErrorCodes.NotFound, (await Assert.ThrowsAsync<GridException>(() => grid.Jobs.PauseAsync("job-of-nobody"))).Code);
    }

    [Fact]
    public async Task Refusals_NameTheFieldAndEveryFinding()
    {
        using var grid = await NewAsync();
        var refused = await Assert.ThrowsAsync<GridException>(() => grid.Jobs.SubmitAsync(new JobRequest { BaseModel = "tiny", Adapter = "acme/x", Data = new() { Train = "d" }, Method = new() { Rank = 0, Dropout = 2 } }));
        Assert.Equal("method.rank", refused.Field);
        Assert.Equal(["method.dropout", "method.rank"], refused.Findings.Select(f => f.Where).Order());

        using var nobody = new FineTuneGridClient(gateway.Address, null);
        Assert.Equal(ErrorCodes.Unauthenticated, (await Assert.ThrowsAsync<GridException>(() => nobody.Jobs.GetAsync("job-1"))).Code);
    }

    [Fact]
    public async Task Adapters_ArePulledWhole()
    {
        using var grid = await NewAsync();
        await gateway.Member.AddModelAsync("client-pulled");
        await gateway.Member.PushAdapterAsync("acme", "client-pulled", "client-pulled", 32, "model.layers.0.self_attn.q_proj");
        var version = await grid.Adapters.PullAsync("acme/client-pulled", null, _folder);
        Assert.Equal("1", version.Version);
        Assert.Equal(version.Files.Select(f => f.Path).Order(StringComparer.Ordinal), Directory.EnumerateFiles(_folder).Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal));
        Assert.Equal(ErrorCodes.NotFound, (await Assert.ThrowsAsync<GridException>(() => grid.Adapters.PullAsync("acme/client-pulled", "7", _folder))).Code);
    }

    [Fact]
    public async Task Models_AreUploadedFromAFolder()
    {
        using var grid = await NewAsync();
        var tiny = Path.Combine(AppContext.BaseDirectory, "tiny");
        await File.WriteAllTextAsync(Path.Combine(_folder, "pytorch_model.bin"), "a pickle stays where it is");
        foreach (var file in Directory.EnumerateFiles(tiny)) File.Copy(file, Path.Combine(_folder, Path.GetFileName(file)));
        var model = await grid.Models.AddAsync("client-tiny", _folder, license: "mit");
        Assert.Equal((AssetStatus.Ready, "llama", "mit"), (model.Status, model.Manifest!.ModelType, model.License));
        await grid.Models.DeleteAsync("client-tiny");
        Assert.Equal(ErrorCodes.NotFound, (await Assert.ThrowsAsync<GridException>(() => grid.Models.GetAsync("client-tiny"))).Code);
    }

    [Fact]
    public void Request_HasEveryFieldOfTheSchema_AndNoOther() =>
        Assert.Equal(SchemaFields(JobSchema.Create(), "").Order(StringComparer.Ordinal), RequestFields(typeof(JobRequest), "").Order(StringComparer.Ordinal));

    private static IEnumerable<string> SchemaFields(System.Text.Json.Nodes.JsonObject schema, string prefix)
    {
        foreach (var (name, value) in schema["properties"]!.AsObject())
        {
            yield return prefix + name;
            if (value!["properties"] is not null)
                foreach (var inner in SchemaFields(value.AsObject(), $"{prefix}{name}.")) yield return inner;
        }
    }

    private static IEnumerable<string> RequestFields(Type type, string prefix)
    {
        foreach (var property in type.GetProperties(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic))
        {
            if (property.Name == "EqualityContract" || property.IsDefined(typeof(JsonIgnoreAttribute)) || property.IsDefined(typeof(JsonExtensionDataAttribute))) continue;
            var name = property.GetCustomAttribute<JsonPropertyNameAttribute>()?.Name ?? JsonNamingPolicy.SnakeCaseLower.ConvertName(property.Name);
            yield return prefix + name;
            if (property.PropertyType.Namespace == typeof(JobRequest).Namespace)
                foreach (var inner in RequestFields(property.PropertyType, $"{prefix}{name}.")) yield return inner;
        }
    }

    private async Task<FineTuneGridClient> NewAsync() => new(gateway.Address, (await gateway.KeyAsync("member", "acme")).Secret);

    private static async Task<List<string>> IdsAsync(FineTuneGridClient grid)
    {
        var ids = new List<string>();
        await foreach (var job in grid.Jobs.ListAsync()) ids.Add(job.Id);
        return ids;
    }
}
