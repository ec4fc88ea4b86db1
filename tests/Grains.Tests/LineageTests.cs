using System.Text;
using System.Text.Json;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Adapters;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Jobs;
using FineTuneGrid.Contracts.Licensing;
using FineTuneGrid.Contracts.Nodes;
using FineTuneGrid.Contracts.Provenance;
using FineTuneGrid.Grains.Tests.Support;
using FineTuneGrid.Storage;

namespace FineTuneGrid.Grains.Tests;

/// <summary>What a published version says of itself, and which versions may come to be.</summary>
public sealed class LineageTests
{
    [Fact]
    public async Task Publish_SignsEveryFileAndWhatItWasMadeOf()
    {
        await using var grid = await StartAsync();
        await using var agent = await FakeAgent.StartAsync(grid);
        var (job, version) = await PublishAsync(grid, agent);

        var envelope = DsseEnvelope.Read(await BytesAsync(grid, version, ProvenanceStatement.FileName));
        Assert.True(envelope.IsSignedBy(VerifyingKey.FromPem(Encoding.UTF8.GetString(await BytesAsync(grid, version, ProvenanceStatement.KeyFileName)))));
        var statement = ProvenanceStatement.Read(envelope);
        Assert.Equal(
            version.Files.Where(f => f.Path != ProvenanceStatement.FileName).Select(f => (f.Path, f.Sha256)), statement.Subject.Select(s => (s.Name!, s.Digest["sha256"])));

        var lineage = version.Lineage;
        var build = statement.Predicate.BuildDefinition;
        Assert.Equal([("base", lineage.BaseDigest!, "mit"), ("data", lineage.DatasetDigest!, null)],
            build.ResolvedDependencies.Select(d => (d.Name!, d.Digest["ftgDigest"], d.Annotations?.GetValueOrDefault("license"))));
        Assert.Equal(lineage.SpecDigest, build.InternalParameters["spec_sha256"]);
        Assert.Equal("acme/tuned", build.ExternalParameters["adapter"].GetString());
        Assert.Equal("acme/tuned", build.ExternalParameters["spec"].GetProperty("adapter").GetString());
        var run = statement.Predicate.RunDetails;
        Assert.Equal((job.Id, lineage.Build), (run.Metadata.InvocationId, run.Builder.Version["finetunegrid"]));
        Assert.Equal(["checkpoint-5", "checkpoint-10"], run.Byproducts.Select(c => c.Name));
        Assert.All(run.Byproducts, c => Assert.NotEmpty(c.Digest["sha256"]));
    }

    [Fact]
    public async Task Publish_WritesABillOfMaterials()
    {
        await using var grid = await StartAsync();
        await using var agent = await FakeAgent.StartAsync(grid);
        var (_, version) = await PublishAsync(grid, agent);

        var bom = JsonDocument.Parse(await BytesAsync(grid, version, "bom.cdx.json")).RootElement;
        Assert.Equal(("CycloneDX", "1.6"), (bom.GetProperty("bomFormat").GetString(), bom.GetProperty("specVersion").GetString()));
        var subject = bom.GetProperty("metadata").GetProperty("component");
        Assert.Equal(("machine-learning-model", "acme/tuned", "1"), (subject.GetProperty("type").GetString(), subject.GetProperty("name").GetString(), subject.GetProperty("version").GetString()));
        Assert.Contains(subject.GetProperty("components").EnumerateArray(), c => c.GetProperty("name").GetString() == "adapter_model.safetensors"
            && c.GetProperty("hashes")[0].GetProperty("content").GetString() == version.Files.Single(f => f.Path == "adapter_model.safetensors").Sha256);
        Assert.Equal([("machine-learning-model", "base"), ("data", "data")],
            bom.GetProperty("components").EnumerateArray().Select(c => (c.GetProperty("type").GetString()!, c.GetProperty("name").GetString()!)));
        Assert.Equal("mit", bom.GetProperty("components")[0].GetProperty("licenses")[0].GetProperty("license").GetProperty("name").GetString());
        Assert.Equal(["base", "data"], bom.GetProperty("dependencies")[0].GetProperty("dependsOn").EnumerateArray().Select(d => d.GetString()));
    }

    [Fact]
    public async Task Submit_OfLicencesThatMayNotMeet_FailsAndHoldsNothing()
    {
        await using var grid = await StartAsync(o => o.Licenses = new LicensePolicy([new LicenseRule("mit", "unknown", [LicenseGate.Submit], "Say where the data is from.")]));
        await using var agent = await FakeAgent.StartAsync(grid);

        var refused = await Assert.ThrowsAsync<GridException>(() => grid.NewJob().DryRun(TestGrid.Submission()));
        Assert.Equal((ErrorCodes.LicenseRefused, "data.train"), (refused.Code, refused.Field));

        var job = await grid.SubmitAsync();
        Assert.Equal(ErrorCodes.LicenseRefused, (await TestGrid.ReachesAsync(job, JobStatus.Failed)).Error!.Code);
        var id = await grid.Grains.GetGrain<IOrgGrain>(TestGrid.Org).Find(Ids.Dataset, "data");
        await grid.Grains.GetGrain<IDatasetGrain>(id!).Delete();
    }

    private static async Task<TestGrid> StartAsync(Action<GridOptions>? configure = null)
    {
        var grid = await TestGrid.StartAsync(configure: configure);
        await grid.AddModelAsync();
        await grid.AddDatasetAsync();
        return grid;
    }

    private static async Task<(JobView Job, AdapterVersionView Version)> PublishAsync(TestGrid grid, FakeAgent agent)
    {
        var job = await grid.SubmitAsync();
        var start = await agent.NextAsync<StartJob>();
        await agent.AttachedAsync(start);
        await agent.StepsAsync(start, 1, 5);
        await agent.CommittedAsync(start, 5);
        await agent.StepsAsync(start, 6, 10);
        await agent.CommittedAsync(start, 10);
        await agent.FinishedAsync(start);
        var view = await TestGrid.ReachesAsync(job, JobStatus.Succeeded);
        var id = await grid.Grains.GetGrain<IOrgGrain>(TestGrid.Org).Find(Ids.Adapter, "tuned");
        return (view, Assert.Single((await grid.Grains.GetGrain<IAdapterGrain>(id!).Get())!.Versions));
    }

    private static async Task<byte[]> BytesAsync(TestGrid grid, AdapterVersionView version, string path) =>
        (await grid.Blobs.ReadAllBytesAsync(version.Files.Single(f => f.Path == path).Key))!.Value.Bytes;
}
