using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Gateway.OpenAi.Files;
using FineTuneGrid.Gateway.Tests.Support;
using FineTuneGrid.Storage;
using Microsoft.Extensions.DependencyInjection;
using Orleans;

namespace FineTuneGrid.Gateway.Tests.OpenAi;

/// <summary>OpenAI's files over HTTP.</summary>
[Collection(GatewayCollection.Name)]
public sealed class FilesTests(GatewayUnderTest gateway)
{
    private const string Boundary = "----boundary";
    private static readonly TimeSpan Quick = TimeSpan.FromSeconds(1);

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task File_IsADataSetAndGivesItsBytesBack(bool purposeFirst)
    {
        var rows = Samples.Rows(5);
        var made = await SendAsync(gateway.Member, Form(rows, purposeFirst: purposeFirst)).JsonAsync();
        var id = made.Text("id");
        Assert.Equal(("file", "train.jsonl", "fine-tune", "processed", rows.Length), (made.Text("object"), made.Text("filename"), made.Text("purpose"), made.Text("status"), made.GetProperty("bytes").GetInt32()));
        Assert.Equal(made.GetRawText(), (await gateway.Reader.GetAsync($"/v1/files/{id}").JsonAsync()).GetRawText());
        Assert.Equal(rows, await gateway.Reader.GetByteArrayAsync($"/v1/files/{id}/content"));
        var dataset = await gateway.Reader.GetAsync($"/api/v1/datasets/{id}").JsonAsync();
        Assert.Equal(("ready", "acme", 5), (dataset.Text("status"), dataset.Text("org"), dataset.GetProperty("manifest").GetProperty("rows").GetInt32()));
        var found = await Store.FindAsync("acme", id, CancellationToken.None);
        Assert.Equal(dataset.Text("id"), found!.Dataset);

        await ErrorAsync(gateway.Stranger.GetAsync($"/v1/files/{id}"), HttpStatusCode.NotFound, null, "not_found");
        await ErrorAsync(gateway.Stranger.GetAsync($"/v1/files/{id}/content"), HttpStatusCode.NotFound, null, "not_found");
        await ErrorAsync(gateway.Stranger.DeleteAsync($"/v1/files/{id}"), HttpStatusCode.NotFound, null, "not_found");
        await ErrorAsync(gateway.Reader.DeleteAsync($"/v1/files/{id}"), HttpStatusCode.Forbidden, null, "forbidden");
        var deleted = await gateway.Member.DeleteAsync($"/v1/files/{id}").JsonAsync();
        Assert.Equal((id, true), (deleted.Text("id"), deleted.GetProperty("deleted").GetBoolean()));
        await ErrorAsync(gateway.Member.GetAsync($"/v1/files/{id}"), HttpStatusCode.NotFound, null, "not_found");
        Assert.Equal(HttpStatusCode.NotFound, (await gateway.Member.GetAsync($"/api/v1/datasets/{id}")).StatusCode);
        await NothingIsLeftAsync(dataset.Text("id"));
    }

    [Fact]
    public async Task File_WithBadLines_IsTaken_AndSaysWhatIsWrong()
    {
        var made = await SendAsync(gateway.Member, Form(Encoding.UTF8.GetBytes("{\"prompt\":\"a\",\"completion\":\"b\"}\n{broken\n"))).JsonAsync();
        Assert.Equal("error", made.Text("status"));
        Assert.NotEmpty(made.Text("status_details"));
        Assert.NotNull(await Store.FindAsync("acme", made.Text("id"), CancellationToken.None));
        await gateway.Member.DeleteAsync($"/v1/files/{made.Text("id")}").JsonAsync();
    }

    [Fact]
    public async Task File_InUse_IsNotDeleted()
    {
        await gateway.Member.AddModelAsync("files-base");
        var id = (await SendAsync(gateway.Member, Form(Samples.Rows())).JsonAsync()).Text("id");
        var job = (await gateway.Member.SubmitAsync(Samples.Job("files-base", id, "acme/from-file")).JsonAsync(HttpStatusCode.Created)).Text("id");
        // As the job's plan does, for which there is no node here.
        var file = await Store.FindAsync("acme", id, CancellationToken.None);
        await gateway.App.Services.GetRequiredService<IGrainFactory>().GetGrain<IDatasetGrain>(file!.Dataset).Use(job, true);
        await ErrorAsync(gateway.Member.DeleteAsync($"/v1/files/{id}"), HttpStatusCode.Conflict, null, "in_use");
        Assert.Equal("processed", (await gateway.Member.GetAsync($"/v1/files/{id}").JsonAsync()).Text("status"));
        await gateway.Member.PostAsync($"/api/v1/jobs/{job}/cancel", null).JsonAsync();
        await gateway.Member.DeleteAsync($"/v1/files/{id}").JsonAsync();
    }

    [Fact]
    public async Task List_PagesInBothOrders_AndByPurpose()
    {
        using var client = gateway.Client((await gateway.KeyAsync("member", "files-list")).Secret);
        Assert.Equal(0, (await client.GetAsync("/v1/files").JsonAsync()).GetProperty("data").GetArrayLength());
        var ids = new List<string>();
        for (var i = 0; i < 4; i++) ids.Add((await SendAsync(client, Form(Samples.Rows(i + 1))).JsonAsync()).Text("id"));
        ids.Add((await Store.AddResultAsync("files-list", "step_metrics.csv", new MemoryStream("step\n1\n"u8.ToArray()), CancellationToken.None)).Id);
        ids.Sort(StringComparer.Ordinal);

        var seen = new List<string>();
        JsonElement page;
        do
        {
            page = await client.GetAsync($"/v1/files?limit=2&order=asc{(seen.Count == 0 ? "" : "&after=" + seen[^1])}").JsonAsync();
            seen.AddRange(page.GetProperty("data").EnumerateArray().Select(f => f.Text("id")));
            Assert.Equal(seen[^1], page.Text("last_id"));
        }
        while (page.GetProperty("has_more").GetBoolean());
        Assert.Equal(ids, seen);
        Assert.Equal(ids.AsEnumerable().Reverse(), (await client.GetAsync("/v1/files").JsonAsync()).GetProperty("data").EnumerateArray().Select(f => f.Text("id")));
        var result = (await client.GetAsync("/v1/files?purpose=fine-tune-results").JsonAsync()).GetProperty("data").EnumerateArray().Single();
        Assert.Equal("step_metrics.csv", result.Text("filename"));
        Assert.Equal("step\n1\n", await client.GetStringAsync($"/v1/files/{result.Text("id")}/content"));
        foreach (var (query, param) in new[] { ("limit=0", "limit"), ("limit=10001", "limit"), ("limit=x", "limit"), ("order=up", "order") })
            await ErrorAsync(client.GetAsync("/v1/files?" + query), HttpStatusCode.BadRequest, param, "invalid_value");
        foreach (var id in ids) await client.DeleteAsync($"/v1/files/{id}").JsonAsync();
    }

    [Fact]
    public async Task File_WhoseTimeIsOver_IsGone()
    {
        var form = Form(Samples.Rows());
        form.Add(new StringContent("created_at"), "expires_after[anchor]");
        form.Add(new StringContent("3600"), "expires_after[seconds]");
        var made = await SendAsync(gateway.Member, form).JsonAsync();
        Assert.Equal(3600, made.GetProperty("expires_at").GetInt64() - made.GetProperty("created_at").GetInt64());
        var id = made.Text("id");
        var dataset = (await Store.FindAsync("acme", id, CancellationToken.None))!.Dataset;
        var later = ActivatorUtilities.CreateInstance<FileStore>(gateway.App.Services, new LaterTime(TimeSpan.FromSeconds(3601)));
        Assert.Null(await later.FindAsync("acme", id, CancellationToken.None));
        Assert.Equal(0, await Store.SweepAsync(CancellationToken.None));
        Assert.Equal(1, await later.SweepAsync(CancellationToken.None));
        await NothingIsLeftAsync(dataset);
        await ErrorAsync(gateway.Member.GetAsync($"/v1/files/{id}"), HttpStatusCode.NotFound, null, "not_found");
    }

    [Fact]
    public async Task File_WhoseDataSetACrashKeptFromBeing_GetsIt()
    {
        var id = (await SendAsync(gateway.Member, Form(Samples.Rows(2))).JsonAsync()).Text("id");
        var dataset = (await Store.FindAsync("acme", id, CancellationToken.None))!.Dataset;
        // As it is when only the record and the bytes were written.
        var blobs = gateway.App.Services.GetRequiredService<IBlobStore>();
        var record = (await BlobsAsync("files/")).Single(k => k.Contains(id));
        var other = "dataset-" + new string('0', 25) + "1";
        var key = (await BlobsAsync($"datasets/{dataset}/source/")).Single();
        await using (var bytes = (await blobs.OpenReadAsync(key))!)
            await blobs.WriteAsync(key.Replace(dataset, other), bytes.Stream);
        var text = Encoding.UTF8.GetString((await blobs.ReadAllBytesAsync(record))!.Value.Bytes).Replace(dataset, other);
        await blobs.WriteBytesAsync(record, Encoding.UTF8.GetBytes(text));
        Assert.Equal("uploaded", (await gateway.Member.GetAsync($"/v1/files/{id}").JsonAsync()).Text("status"));
        Assert.Equal(other, (await Store.FindAsync("acme", id, CancellationToken.None))!.Dataset);
        Assert.Equal("processed", (await gateway.Member.GetAsync($"/v1/files/{id}").JsonAsync()).Text("status"));
        // Its data set deleted, it is no file any more.
        await gateway.Member.DeleteAsync($"/api/v1/datasets/{other}").JsonAsync(HttpStatusCode.NoContent);
        Assert.Null(await Store.FindAsync("acme", id, CancellationToken.None));
        Assert.Equal(1, await Store.SweepAsync(CancellationToken.None));
        await gateway.Member.DeleteAsync($"/api/v1/datasets/{dataset}").JsonAsync(HttpStatusCode.NoContent);
    }

    [Theory]
    [InlineData("../train.jsonl")]
    [InlineData("..%2f..%2ftrain.jsonl")]
    [InlineData("a%00.jsonl")]
    [InlineData("nul.jsonl")]
    [InlineData("a\u202Ejsonl.exe.jsonl")]
    [InlineData("train.exe")]
    public Task File_WithAHarmfulName_IsRefusedAndLeavesNothing(string name) =>
        RefusedAsync(Raw($"--{Boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n{{}}\r\n--{Boundary}--\r\n"), HttpStatusCode.BadRequest, "file");

    [Fact]
    public async Task Form_ThatIsNone_IsRefusedAndLeavesNothing()
    {
        var part = $"--{Boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.jsonl\"\r\n\r\n{{\"text\":\"a\"}}\n";
        var purpose = $"--{Boundary}\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nfine-tune\r\n";
        await RefusedAsync(Raw(part), HttpStatusCode.BadRequest, null);
        await RefusedAsync(Raw(purpose + part), HttpStatusCode.BadRequest, null);
        await RefusedAsync(Raw(part + $"\r\n--{Boundary}--\r\n"), HttpStatusCode.BadRequest, "purpose");
        await RefusedAsync(Raw(purpose + $"--{Boundary}--\r\n"), HttpStatusCode.BadRequest, "file");
        await RefusedAsync(Raw(purpose + part + "\r\n" + part + $"\r\n--{Boundary}--\r\n"), HttpStatusCode.BadRequest, "file");
        await RefusedAsync(Raw(purpose + purpose + part + $"\r\n--{Boundary}--\r\n"), HttpStatusCode.BadRequest, "purpose");
        await RefusedAsync(Raw(purpose.Replace("fine-tune", "assistants") + part + $"\r\n--{Boundary}--\r\n"), HttpStatusCode.BadRequest, "purpose");
        await RefusedAsync(Raw(purpose.Replace("purpose", "porpose") + part + $"\r\n--{Boundary}--\r\n"), HttpStatusCode.BadRequest, "porpose");
        await RefusedAsync(Raw(part.Replace("{\"text\":\"a\"}\n", "") + $"\r\n--{Boundary}--\r\n"), HttpStatusCode.BadRequest, null);
        await RefusedAsync(Raw($"--{Boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\0.jsonl\"\r\n\r\n{{}}\r\n--{Boundary}--\r\n"), HttpStatusCode.BadRequest, null);
        await RefusedAsync(Raw($"--{Boundary}\r\n{new string('x', 100_000)}: y\r\n\r\n"), HttpStatusCode.BadRequest, null);
        await RefusedAsync(Raw(string.Concat(Enumerable.Repeat($"--{Boundary}\r\nno header at all\r\n\r\n", 3))), HttpStatusCode.BadRequest, null);
        await RefusedAsync(HttpAssert.Json("{\"purpose\":\"fine-tune\"}"), HttpStatusCode.BadRequest, "Content-Type");
        var unbounded = new ByteArrayContent([]);
        unbounded.Headers.TryAddWithoutValidation("Content-Type", "multipart/form-data");
        await RefusedAsync(unbounded, HttpStatusCode.BadRequest, "Content-Type");
    }

    [Fact]
    public async Task File_LargerThanTheLimit_IsRefusedAtOnceAndLeavesNothing()
    {
        var form = Form(new byte[GatewayUnderTest.OpenAiFileBytes + (1 << 20)]);
        await RefusedAsync(form, HttpStatusCode.RequestEntityTooLarge, "file");
        // Where no length is announced, by what arrives.
        using var chunked = new HttpRequestMessage(HttpMethod.Post, "/v1/files") { Content = Form(new byte[GatewayUnderTest.OpenAiFileBytes + 1]) };
        chunked.Headers.TransferEncodingChunked = true;
        var before = await BlobsAsync();
        await ErrorAsync(gateway.Member.SendAsync(chunked), HttpStatusCode.RequestEntityTooLarge, "file", "too_large");
        Assert.Equal(before, await BlobsAsync());
    }

    [Fact]
    public async Task File_LargerThanOtherBodies_GoesThroughWithoutBeingHeld()
    {
        var row = Encoding.UTF8.GetBytes("{\"text\":\"" + new string('a', 1000) + "\"}\n");
        var bytes = Enumerable.Repeat(row, GatewayUnderTest.OpenAiFileBytes / row.Length).SelectMany(r => r).ToArray();
        var before = GC.GetTotalAllocatedBytes();
        var made = await SendAsync(gateway.Member, Form(bytes)).JsonAsync();
        var allocated = GC.GetTotalAllocatedBytes() - before;
        Assert.Equal(bytes.Length, made.GetProperty("bytes").GetInt32());
        Assert.True(allocated < bytes.Length, $"{allocated} bytes were allocated for a file of {bytes.Length}, client and server together");
        await gateway.Member.DeleteAsync($"/v1/files/{made.Text("id")}").JsonAsync();
    }

    private FileStore Store => gateway.App.Services.GetRequiredService<FileStore>();

    private static MultipartFormDataContent Form(byte[] bytes, string name = "train.jsonl", bool purposeFirst = true)
    {
        var form = new MultipartFormDataContent();
        if (purposeFirst) form.Add(new StringContent("fine-tune"), "purpose");
        form.Add(new ByteArrayContent(bytes), "file", name);
        if (!purposeFirst) form.Add(new StringContent("fine-tune"), "purpose");
        return form;
    }

    private static ByteArrayContent Raw(string body)
    {
        var content = new ByteArrayContent(Encoding.UTF8.GetBytes(body));
        content.Headers.ContentType = MediaTypeHeaderValue.Parse($"multipart/form-data; boundary={Boundary}");
        return content;
    }

    private static Task<HttpResponseMessage> SendAsync(HttpClient client, HttpContent form) => client.PostAsync("/v1/files", form);

    /// <summary>In OpenAI's shape, soon, and the store is as before.</summary>
    private async Task RefusedAsync(HttpContent body, HttpStatusCode status, string? param)
    {
        var before = await BlobsAsync();
        var clock = Stopwatch.StartNew();
        using var response = await SendAsync(gateway.Member, body);
        Assert.True(clock.Elapsed < Quick, $"the refusal took {clock.Elapsed}");
        var text = await response.Content.ReadAsStringAsync();
        Assert.True(status == response.StatusCode, $"{response.StatusCode}: {text}");
        var error = JsonDocument.Parse(text).RootElement.GetProperty("error");
        Assert.Equal("invalid_request_error", error.Text("type"));
        if (param is not null) Assert.Equal(param, error.Text("param"));
        Assert.Equal(before, await BlobsAsync());
    }

    private static async Task ErrorAsync(Task<HttpResponseMessage> sent, HttpStatusCode status, string? param, string code)
    {
        var error = (await sent.JsonAsync(status)).GetProperty("error");
        Assert.Equal((param, code), (error.GetProperty("param").GetString(), error.Text("code")));
    }

    /// <summary>Keys of everything that files may leave.</summary>
    private async Task<List<string>> BlobsAsync(string prefix = "")
    {
        var keys = new List<string>();
        foreach (var root in (string[])["datasets/", "files/", "uploads/"])
        {
            await foreach (var blob in gateway.App.Services.GetRequiredService<IBlobStore>().ListAsync(root))
            {
                if (blob.Key.StartsWith(prefix, StringComparison.Ordinal)) keys.Add(blob.Key);
            }
        }
        return keys;
    }

    private async Task NothingIsLeftAsync(string dataset) => Assert.Empty(await BlobsAsync($"datasets/{dataset}/"));

    private sealed class LaterTime(TimeSpan by) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + by;
    }
}
