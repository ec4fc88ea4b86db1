using System.Net;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Provenance;
using FineTuneGrid.Gateway.Tests.Support;

namespace FineTuneGrid.Gateway.Tests;

/// <summary>The licence policy at the door, and the key that signs what leaves by it.</summary>
[Collection(GatewayCollection.Name)]
public sealed class LicenseTests(GatewayUnderTest gateway)
{
    [Fact]
    public async Task Submit_OfRefusedData_IsForbiddenAndMakesNoJob()
    {
        await gateway.Member.AddModelAsync("free-base");
        await gateway.Member.AddDatasetAsync("refused-data", license: "refused-1.0");
        foreach (var query in new[] { "", "?dry_run=true" })
        {
            var problem = await gateway.Member.PostAsync("/api/v1/jobs" + query, HttpAssert.Json(Samples.Job("free-base", "refused-data", "acme/never"))).ProblemAsync(HttpStatusCode.Forbidden, ErrorCodes.LicenseRefused);
            Assert.Equal("data.train", problem.Text("field"));
            Assert.Contains("refused-1.0", problem.Text("detail"));
        }
        Assert.DoesNotContain("acme/never", await gateway.Member.GetStringAsync("/api/v1/jobs?limit=1000"));
    }

    [Fact]
    public async Task Pull_OfASealedBasesAdapter_IsForbiddenAtEveryDoor()
    {
        await gateway.Member.AddModelAsync("sealed-base", "sealed-1.0");
        await gateway.Member.PushAdapterAsync("acme", "sealed", "sealed-base", 32, "model.layers.0.self_attn.q_proj");
        Assert.Equal("sealed-1.0", (await gateway.Member.GetAsync("/api/v1/adapters/acme/sealed").JsonAsync()).GetProperty("versions")[0].GetProperty("lineage").Text("base_license"));

        await gateway.Member.GetAsync("/api/v1/adapters/acme/sealed/versions/1/files/adapter_model.safetensors").ProblemAsync(HttpStatusCode.Forbidden, ErrorCodes.LicenseRefused);
        using var hub = await gateway.Member.GetAsync("/acme/sealed/resolve/main/adapter_model.safetensors");
        Assert.Equal(HttpStatusCode.Forbidden, hub.StatusCode);
    }

    [Fact]
    public async Task SigningKey_IsTheOneThatSignsVersions()
    {
        var key = await gateway.Reader.GetAsync("/api/v1/signing-key").JsonAsync();
        await gateway.Member.AddModelAsync("signed-base");
        await gateway.Member.PushAdapterAsync("acme", "signed", "signed-base", 32, "model.layers.0.self_attn.q_proj");
        var envelope = DsseEnvelope.Read(await gateway.Reader.GetByteArrayAsync($"/api/v1/adapters/acme/signed/versions/1/files/{ProvenanceStatement.FileName}"));
        Assert.True(envelope.IsSignedBy(VerifyingKey.FromPem(key.Text("pem"))));
        Assert.Equal(envelope.KeyId, key.Text("key_id"));
    }
}
