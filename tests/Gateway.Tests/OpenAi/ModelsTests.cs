using System.Net;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Adapters;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Gateway.OpenAi.Models;
using FineTuneGrid.Gateway.Tests.Support;
using Microsoft.Extensions.DependencyInjection;
using Orleans;

namespace FineTuneGrid.Gateway.Tests.OpenAi;

/// <summary>OpenAI's models over HTTP.</summary>
[Collection(GatewayCollection.Name)]
public sealed class ModelsTests(GatewayUnderTest gateway)
{
    private const string Layer = "model.layers.0.self_attn.q_proj";

    [Fact]
    public async Task List_HoldsBasesAndWhatWasMadeOfThem()
    {
        await gateway.Member.AddModelAsync("oai-base");
        var pushed = await gateway.Member.PushAdapterAsync("acme", "oai-pushed", "oai-base", 32, Layer);
        var tuned = await TunedAsync("oai-tuned", "oai-base");
        var list = await gateway.Reader.GetAsync("/v1/models").JsonAsync();
        Assert.Equal("list", list.Text("object"));
        var ids = list.GetProperty("data").EnumerateArray().ToDictionary(m => m.Text("id"), m => m.Text("owned_by"));
        foreach (var id in (string[])["oai-base", pushed + "@1", tuned])
        {
            Assert.Equal("acme", ids[id]);
            foreach (var path in (string[])[id, Uri.EscapeDataString(id)])
            {
                var model = await gateway.Reader.GetAsync($"/v1/models/{path}").JsonAsync();
                Assert.Equal((id, "model"), (model.Text("id"), model.Text("object")));
            }
            await MissingAsync(gateway.Stranger.GetAsync($"/v1/models/{id}"));
            await MissingAsync(gateway.Stranger.DeleteAsync($"/v1/models/{id}"));
        }
        Assert.DoesNotContain("oai-", (await gateway.Stranger.GetAsync("/v1/models").JsonAsync()).GetRawText());
        foreach (var id in (string[])["nothing", "acme/nothing", "acme/oai-pushed@9", tuned[..^1] + (tuned[^1] == '0' ? '1' : '0'), tuned.Replace("oai-base", "other"), tuned + ":ckpt-step-1", "ft:x"])
            await MissingAsync(gateway.Member.GetAsync($"/v1/models/{id}"));
    }

    [Fact]
    public async Task Delete_TakesAFineTunedModel_AndNoBase()
    {
        await gateway.Member.AddModelAsync("oai-kept");
        var (first, second) = (await TunedAsync("oai-gone", "oai-kept"), await TunedAsync("oai-gone", "oai-kept"));
        var error = (await gateway.Member.DeleteAsync("/v1/models/oai-kept").JsonAsync(HttpStatusCode.BadRequest)).GetProperty("error");
        Assert.Equal(("model", "invalid_value"), (error.Text("param"), error.Text("code")));
        Assert.Equal(HttpStatusCode.Forbidden, (await gateway.Reader.DeleteAsync($"/v1/models/{first}")).StatusCode);
        var deleted = await gateway.Member.DeleteAsync($"/v1/models/{first}").JsonAsync();
        Assert.Equal((first, "model", true), (deleted.Text("id"), deleted.Text("object"), deleted.GetProperty("deleted").GetBoolean()));
        await MissingAsync(gateway.Member.GetAsync($"/v1/models/{first}"));
        await gateway.Member.GetAsync($"/v1/models/{second}").JsonAsync();
        await gateway.Member.DeleteAsync($"/v1/models/{second}").JsonAsync();
        await MissingAsync(gateway.Member.DeleteAsync($"/v1/models/{second}"));
        // With its last version the adapter went too.
        Assert.Equal(HttpStatusCode.NotFound, (await gateway.Member.GetAsync("/api/v1/adapters/acme/oai-gone")).StatusCode);
    }

    /// <summary>A version as a job registers it. Its fine-tuned name.</summary>
    private async Task<string> TunedAsync(string name, string baseModel)
    {
        var grains = gateway.App.Services.GetRequiredService<IGrainFactory>();
        var job = Ids.New(Ids.Job, DateTimeOffset.UtcNow);
        var id = await grains.GetGrain<IOrgGrain>("acme").Claim(Ids.Adapter, name);
        await grains.GetGrain<IAdapterGrain>(id).Create("acme", name);
        await grains.GetGrain<IAdapterGrain>(id).Publish(new AdapterPublication(job, [],
            new AdapterLineage("lora", job, baseModel, "digest", null, null, null, null, null, null, null, null, null, null), new AdapterMetrics(null, null, null, null, null)));
        return FineTunedName.Of(baseModel, new AdapterRef("acme", name), job).ToString();
    }

    private static async Task MissingAsync(Task<HttpResponseMessage> sent)
    {
        var error = (await sent.JsonAsync(HttpStatusCode.NotFound)).GetProperty("error");
        Assert.Equal(("model", "model_not_found"), (error.Text("param"), error.Text("code")));
    }
}
