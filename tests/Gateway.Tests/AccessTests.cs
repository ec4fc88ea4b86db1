using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Runtime.Versioning;
using FineTuneGrid.Contracts;
using FineTuneGrid.Gateway.Access;
using FineTuneGrid.Gateway.Tests.Support;

namespace FineTuneGrid.Gateway.Tests;

/// <summary>Who gets in by what key, and sees what.</summary>
[Collection(GatewayCollection.Name)]
public sealed class AccessTests(GatewayUnderTest gateway)
{
    [Fact]
    public async Task Foreigner_SeesNothingOfAnotherOrganisation()
    {
        var dataset = await gateway.Member.AddDatasetAsync("acme-private");
        var model = await gateway.Member.AddModelAsync("acme-private");
        var job = (await gateway.Member.SubmitAsync(Samples.Job("acme-private", "acme-private")).JsonAsync(HttpStatusCode.Created)).Text("id");
        foreach (var path in (string[])[
            $"datasets/{dataset}", "datasets/acme-private", "datasets/acme-private?org=acme", $"datasets/{dataset}/files/rows.jsonl", $"models/{model}", "models/acme-private?org=acme",
            $"models/{model}/files/config.json", $"jobs/{job}", $"jobs/{job}/events", $"jobs/{job}/events/stream", $"jobs/{job}/metrics", $"jobs/{job}/checkpoints", $"jobs/{job}/logs",
            "adapters/acme/tuned", "adapters/acme/tuned/versions/1/files/README.md"])
            await gateway.Stranger.GetAsync("/api/v1/" + path).ProblemAsync(HttpStatusCode.NotFound, ErrorCodes.NotFound);
        foreach (var verb in (string[])["cancel", "pause", "resume", "verify-resume"])
            await gateway.Stranger.PostAsync($"/api/v1/jobs/{job}/{verb}", null).ProblemAsync(HttpStatusCode.NotFound, ErrorCodes.NotFound);
        await gateway.Stranger.DeleteAsync($"/api/v1/datasets/{dataset}").ProblemAsync(HttpStatusCode.NotFound, ErrorCodes.NotFound);
        await gateway.Stranger.DeleteAsync($"/api/v1/models/{model}").ProblemAsync(HttpStatusCode.NotFound, ErrorCodes.NotFound);
        await gateway.Stranger.SubmitAsync(Samples.Job("acme-private", "acme-private")).ProblemAsync(HttpStatusCode.NotFound, ErrorCodes.NotFound);
        foreach (var stolen in (string[])["acme-private", dataset])
            await gateway.Stranger.SubmitAsync(Samples.Job(model, stolen, "globex/mine")).ProblemAsync(HttpStatusCode.NotFound, ErrorCodes.NotFound);
        foreach (var list in (string[])["jobs", "datasets", "models", "adapters"])
            Assert.DoesNotContain("acme", (await gateway.Stranger.GetAsync($"/api/v1/{list}").JsonAsync()).GetRawText());
        Assert.Equal(job, (await gateway.Reader.GetAsync($"/api/v1/jobs/{job}").JsonAsync()).Text("id"));
    }

    [Fact]
    public async Task Member_ReadsButDoesNotChangeWhatIsShared()
    {
        await gateway.Admin.AddDatasetAsync("for-all");
        Assert.Equal("shared", (await gateway.Stranger.GetAsync("/api/v1/datasets/for-all").JsonAsync()).Text("org"));
        await gateway.Stranger.DeleteAsync("/api/v1/datasets/for-all").ProblemAsync(HttpStatusCode.Forbidden, ErrorCodes.Forbidden);
        await gateway.Stranger.PostAsJsonAsync("/api/v1/datasets", new { name = "mine", org = "shared" }).ProblemAsync(HttpStatusCode.Forbidden, ErrorCodes.Forbidden);
        await gateway.Stranger.PostAsJsonAsync("/api/v1/datasets", new { name = "mine", org = "acme" }).ProblemAsync(HttpStatusCode.NotFound, ErrorCodes.NotFound);
    }

    [Fact]
    public async Task Key_WorksWithTheHubsPrefix_AndNotWithAnother()
    {
        var rest = gateway.AdminSecret["ftg_".Length..];
        foreach (var (secret, good) in ((string, bool)[])[("hf_" + rest, true), ("ftg_" + rest, true), ("sk_" + rest, false), (rest, false), ("ftg_" + rest[1..], false), ("ftg_", false), ("ftg_" + new string('a', 43), false)])
        {
            using var client = gateway.Client(null);
            client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", secret);
            Assert.Equal(good ? HttpStatusCode.OK : HttpStatusCode.Unauthorized, (await client.GetAsync("/api/v1/jobs")).StatusCode);
        }
        await gateway.Nobody.GetAsync("/api/v1/jobs").ProblemAsync(HttpStatusCode.Unauthorized, ErrorCodes.Unauthenticated);
    }

    [Fact]
    public async Task Revocation_TakesEffectAtOnceOnThisGateway()
    {
        var (id, secret) = await gateway.KeyAsync("reader", GatewayUnderTest.Acme);
        using var client = gateway.Client(secret);
        await client.GetAsync("/api/v1/jobs").JsonAsync();
        await gateway.Admin.DeleteAsync($"/api/v1/keys/{id}").JsonAsync();
        await client.GetAsync("/api/v1/jobs").ProblemAsync(HttpStatusCode.Unauthorized, ErrorCodes.Unauthenticated);
        var listed = (await gateway.Admin.GetAsync("/api/v1/keys").JsonAsync()).GetRawText();
        Assert.Contains(id, listed);
        Assert.DoesNotContain(secret[4..], listed);
    }

    [Fact]
    public async Task Key_ExpiresByItself()
    {
        var made = await gateway.Admin.PostAsJsonAsync("/api/v1/keys", new { name = "old", org = "acme", role = "reader", expires_at = DateTimeOffset.UtcNow.AddMinutes(-1) }).JsonAsync(HttpStatusCode.Created);
        using var client = gateway.Client(made.Text("secret"));
        await client.GetAsync("/api/v1/jobs").ProblemAsync(HttpStatusCode.Unauthorized, ErrorCodes.Unauthenticated);
    }

    [Fact]
    [UnsupportedOSPlatform("windows")]
    public void AdminKey_IsReadableByItsOwnerAlone() =>
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path.Combine(gateway.Directory, AdminKey.FileName)));
}
