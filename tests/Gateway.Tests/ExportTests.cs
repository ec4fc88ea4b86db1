using System.Net;
using System.Net.Http.Json;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Exports;
using FineTuneGrid.Gateway.Tests.Support;
using FineTuneGrid.Storage;
using FineTuneGrid.Contracts.Inspection;
using Microsoft.Extensions.DependencyInjection;

namespace FineTuneGrid.Gateway.Tests;

/// <summary>Exports over HTTP: who may, what is refused, and what lies in the store.</summary>
[Collection(GatewayCollection.Name)]
public sealed class ExportTests(GatewayUnderTest gateway)
{
    private const string Adapter = "/api/v1/adapters/acme/exported/versions/1/exports";
    private const string Model = "/api/v1/models/exported/exports";

    private IBlobStore Blobs => gateway.App.Services.GetRequiredService<IBlobStore>();

    [Fact]
    public async Task Export_OfABadRequest_NamesTheField()
    {
        await EnsureAsync();
        foreach (var (url, body, field) in ((string, object, string)[])[
            (Adapter, new { format = "onnx" }, "format"), (Adapter, new { }, "format"), (Adapter, new { format = "peft" }, "format"), (Adapter, new { format = "gguf", dtype = "f16" }, "dtype"),
            (Model, new { format = "merged" }, "format"), (Model, new { format = "gguf", dtype = "q4_0" }, "dtype")])
        {
            var problem = await gateway.Member.PostAsJsonAsync(url, body).ProblemAsync(HttpStatusCode.UnprocessableEntity, ErrorCodes.InvalidValue);
            Assert.Equal(field, problem.Text("field"));
        }
        await gateway.Member.PostAsJsonAsync(Adapter, new { format = "merged", size = 1 }).ProblemAsync(HttpStatusCode.BadRequest, ErrorCodes.UnknownField);
        await gateway.Reader.PostAsJsonAsync(Adapter, new { format = "merged" }).ProblemAsync(HttpStatusCode.Forbidden, ErrorCodes.Forbidden);
        await gateway.Stranger.PostAsJsonAsync(Adapter, new { format = "merged" }).ProblemAsync(HttpStatusCode.NotFound, ErrorCodes.NotFound);
        await gateway.Member.PostAsJsonAsync(Adapter.Replace("/1/", "/2/"), new { format = "merged" }).ProblemAsync(HttpStatusCode.NotFound, ErrorCodes.NotFound);
    }

    [Fact]
    public async Task Export_WithoutALiveNode_IsUnavailable_AndOneThatIsThereIsServedInRanges()
    {
        await EnsureAsync();
        await gateway.Member.PostAsJsonAsync(Adapter, new { format = "merged" }).ProblemAsync(HttpStatusCode.ServiceUnavailable, ErrorCodes.Unavailable);
        Assert.Equal("absent", (await gateway.Reader.GetAsync($"{Adapter}/gguf").JsonAsync()).Text("status"));
        await gateway.Reader.GetAsync($"{Adapter}/onnx").ProblemAsync(HttpStatusCode.NotFound, ErrorCodes.NotFound);
        await gateway.Reader.GetAsync($"{Adapter}/gguf/files/adapter.gguf").ProblemAsync(HttpStatusCode.NotFound, ErrorCodes.NotFound);

        var id = (await gateway.Reader.GetAsync("/api/v1/adapters/acme/exported").JsonAsync()).Text("id");
        var prefix = $"adapters/{id}/1/exports/gguf/";
        await Blobs.WriteBytesAsync(prefix + "bytes", "0123456789"u8.ToArray());
        await Blobs.WriteJsonAsync(prefix + ExportRecord.FileName, new ExportRecord([new SourceFile("adapter.gguf", prefix + "bytes", 10, new string('a', 64))],
            new ExportReport("acme/exported@1", "gguf", "f32", "d", new ExportParityView("built-in", 10, 0, 4, 1), [], 1)), options: GridJson.Options);

        var ready = await gateway.Member.PostAsJsonAsync(Adapter, new { format = "gguf" }).JsonAsync();
        Assert.Equal(("gguf", "ready"), (ready.Text("export"), ready.Text("status")));
        using var request = new HttpRequestMessage(HttpMethod.Get, $"{Adapter}/gguf/files/adapter.gguf");
        request.Headers.Range = new(4, null);
        using var part = await gateway.Reader.SendAsync(request);
        Assert.Equal((HttpStatusCode.PartialContent, "456789"), (part.StatusCode, await part.Content.ReadAsStringAsync()));
        await gateway.Stranger.GetAsync($"{Adapter}/gguf").ProblemAsync(HttpStatusCode.NotFound, ErrorCodes.NotFound);
    }

    private async Task EnsureAsync()
    {
        using var known = await gateway.Member.GetAsync("/api/v1/adapters/acme/exported");
        if (known.IsSuccessStatusCode) return;
        await gateway.Member.AddModelAsync("exported");
        await gateway.Member.PushAdapterAsync("acme", "exported", "exported", 32, "model.layers.0.self_attn.q_proj");
    }
}
