using System.Net;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using FineTuneGrid.Contracts.Housekeeping;
using FineTuneGrid.Gateway.OpenAi.Uploads;
using FineTuneGrid.Gateway.Tests.Support;
using FineTuneGrid.Storage;
using Microsoft.Extensions.DependencyInjection;

namespace FineTuneGrid.Gateway.Tests.OpenAi;

/// <summary>OpenAI's uploads over HTTP.</summary>
[Collection(GatewayCollection.Name)]
public sealed class UploadsTests(GatewayUnderTest gateway)
{
    [Fact]
    public async Task Parts_InAnyOrder_BecomeTheFileInTheGivenOrder()
    {
        // Larger than the limit of a single file, and than a body of any other kind.
        var row = Encoding.UTF8.GetBytes("{\"text\":\"" + new string('b', 1000) + "\"}\n");
        var bytes = Enumerable.Repeat(row, (GatewayUnderTest.OpenAiFileBytes / row.Length) + 1000).SelectMany(r => r).ToArray();
        var upload = await BeginAsync(bytes.Length);
        Assert.Equal(("upload", "pending", 3600), (upload.Text("object"), upload.Text("status"), upload.GetProperty("expires_at").GetInt64() - upload.GetProperty("created_at").GetInt64()));
        var id = upload.Text("id");
        var cuts = (int[])[0, 5_000_001, 9_999_999, bytes.Length];
        var parts = new string[3];
        foreach (var i in (int[])[2, 0, 1])
        {
            var part = await PartAsync(id, bytes[cuts[i]..cuts[i + 1]]).JsonAsync();
            Assert.Equal(("upload.part", id), (part.Text("object"), part.Text("upload_id")));
            parts[i] = part.Text("id");
        }
        await ErrorAsync(CompleteAsync(id, parts[..2]), HttpStatusCode.BadRequest, "part_ids");
        await ErrorAsync(CompleteAsync(id, [parts[0], parts[0], parts[2]]), HttpStatusCode.BadRequest, "part_ids");
        await ErrorAsync(CompleteAsync(id, [.. parts, "part-x"]), HttpStatusCode.BadRequest, "part_ids");
        await ErrorAsync(CompleteAsync(id, parts, "short"), HttpStatusCode.BadRequest, "md5");
        await ErrorAsync(CompleteAsync(id, parts, new string('0', 32)), HttpStatusCode.BadRequest, "md5");
        Assert.Equal(0, (await gateway.Member.GetAsync("/v1/files?purpose=fine-tune").JsonAsync()).GetProperty("data").EnumerateArray().Count(f => f.GetProperty("bytes").GetInt64() == bytes.Length));

        var md5 = Convert.ToHexStringLower(MD5.HashData(bytes));
        var done = await CompleteAsync(id, parts, md5).JsonAsync();
        var file = done.GetProperty("file");
        Assert.Equal(("completed", "large.jsonl", "processed"), (done.Text("status"), file.Text("filename"), file.Text("status")));
        Assert.Equal(bytes, await gateway.Reader.GetByteArrayAsync($"/v1/files/{file.Text("id")}/content"));
        var again = await CompleteAsync(id, parts, md5).JsonAsync();
        Assert.Equal(file.GetRawText(), again.GetProperty("file").GetRawText());
        Assert.Equal(["upload.json"], (await BlobsAsync(id)).Select(k => k.Split('/')[^1]));
        await ErrorAsync(PartAsync(id, [1]), HttpStatusCode.BadRequest, "upload_id");
        await ErrorAsync(gateway.Member.PostAsync($"/v1/uploads/{id}/cancel", null), HttpStatusCode.BadRequest, "upload_id");
        await gateway.Member.DeleteAsync($"/v1/files/{file.Text("id")}").JsonAsync();
    }

    [Fact]
    public async Task Cancel_RemovesTheParts()
    {
        var id = (await BeginAsync(10)).Text("id");
        var part = (await PartAsync(id, new byte[10]).JsonAsync()).Text("id");
        Assert.Equal("cancelled", (await gateway.Member.PostAsync($"/v1/uploads/{id}/cancel", null).JsonAsync()).Text("status"));
        Assert.Equal("cancelled", (await gateway.Member.PostAsync($"/v1/uploads/{id}/cancel", null).JsonAsync()).Text("status"));
        Assert.Equal(["upload.json"], (await BlobsAsync(id)).Select(k => k.Split('/')[^1]));
        await ErrorAsync(CompleteAsync(id, [part]), HttpStatusCode.BadRequest, "upload_id");
    }

    [Fact]
    public async Task Upload_OfAnother_IsNotThere()
    {
        var id = (await BeginAsync(10)).Text("id");
        await ErrorAsync(gateway.Stranger.PostAsync($"/v1/uploads/{id}/parts", Part([1])), HttpStatusCode.NotFound, null);
        await ErrorAsync(gateway.Stranger.PostAsJsonAsync($"/v1/uploads/{id}/complete", new { part_ids = (string[])["a"] }), HttpStatusCode.NotFound, null);
        await ErrorAsync(gateway.Stranger.PostAsync($"/v1/uploads/{id}/cancel", null), HttpStatusCode.NotFound, null);
        await gateway.Member.PostAsync($"/v1/uploads/{id}/cancel", null).JsonAsync();
    }

    [Fact]
    public async Task Upload_WhoseTimeIsOver_TakesNothing_AndHousekeepingRemovesIt()
    {
        var id = (await BeginAsync(10)).Text("id");
        await PartAsync(id, new byte[10]).JsonAsync();
        var later = ActivatorUtilities.CreateInstance<UploadStore>(gateway.App.Services, new LaterTime(TimeSpan.FromHours(1)));
        Assert.Equal("upload_id", (await Assert.ThrowsAsync<Contracts.GridException>(() => later.AddPartAsync("acme", id, new MemoryStream([1]), CancellationToken.None))).Field);
        Assert.Contains("expired", (await Assert.ThrowsAsync<Contracts.GridException>(() => later.CompleteAsync("acme", id, ["part-x"], null, CancellationToken.None))).Message);
        // Young blobs stay: what goes and when is tested with the rules.
        await gateway.App.Services.GetRequiredService<IHousekeeper>().RunAsync(dryRun: false, CancellationToken.None);
        Assert.Equal(2, (await BlobsAsync(id)).Count);
        await gateway.Member.PostAsync($"/v1/uploads/{id}/cancel", null).JsonAsync();
    }

    [Fact]
    public async Task Part_ThatIsNone_IsRefusedAndLeavesNothing()
    {
        var id = (await BeginAsync(10)).Text("id");
        await ErrorAsync(gateway.Member.PostAsync($"/v1/uploads/{id}/parts", HttpAssert.Json("{}")), HttpStatusCode.BadRequest, "Content-Type");
        await ErrorAsync(gateway.Member.PostAsync($"/v1/uploads/{id}/parts", Part([1], "file")), HttpStatusCode.BadRequest, "data");
        var cut = new ByteArrayContent("--b\r\nContent-Disposition: form-data; name=\"data\"; filename=\"x\"\r\n\r\nabc"u8.ToArray());
        cut.Headers.TryAddWithoutValidation("Content-Type", "multipart/form-data; boundary=b");
        await ErrorAsync(gateway.Member.PostAsync($"/v1/uploads/{id}/parts", cut), HttpStatusCode.BadRequest, null);
        Assert.Single(await BlobsAsync(id));
        await gateway.Member.PostAsync($"/v1/uploads/{id}/cancel", null).JsonAsync();
    }

    [Theory]
    [InlineData("""{"filename":"a.jsonl","purpose":"fine-tune","bytes":1}""", "mime_type")]
    [InlineData("""{"filename":"a.jsonl","purpose":"fine-tune","bytes":"1","mime_type":"text/jsonl"}""", "bytes")]
    [InlineData("""{"filename":"a.jsonl","purpose":"fine-tune","bytes":9000000000,"mime_type":"text/jsonl"}""", "bytes")]
    [InlineData("""{"filename":"a/b.jsonl","purpose":"fine-tune","bytes":1,"mime_type":"text/jsonl"}""", "filename")]
    [InlineData("""{"filename":"a.jsonl","purpose":"vision","bytes":1,"mime_type":"text/jsonl"}""", "purpose")]
    [InlineData("""{"filename":"a.jsonl","purpose":"fine-tune","bytes":1,"mime_type":"text/jsonl","expires_after":{"anchor":"created_at","seconds":1}}""", "expires_after[seconds]")]
    [InlineData("""{"filename":"a.jsonl","purpose":"fine-tune","bytes":1,"mime":"text/jsonl"}""", "mime")]
    public async Task Begin_OfWhatCannotBe_IsRefusedByName(string body, string param)
    {
        using var response = await gateway.Member.PostAsync("/v1/uploads", HttpAssert.Json(body));
        Assert.True(response.StatusCode is HttpStatusCode.BadRequest or HttpStatusCode.RequestEntityTooLarge, $"{response.StatusCode}");
        Assert.Equal(param, (await response.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("error").Text("param"));
    }

    private Task<JsonElement> BeginAsync(long bytes) =>
        gateway.Member.PostAsJsonAsync("/v1/uploads", new { filename = "large.jsonl", purpose = "fine-tune", bytes, mime_type = "text/jsonl" }).JsonAsync();

    private Task<HttpResponseMessage> PartAsync(string id, byte[] bytes) => gateway.Member.PostAsync($"/v1/uploads/{id}/parts", Part(bytes));

    private Task<HttpResponseMessage> CompleteAsync(string id, string[] parts, string? md5 = null) => gateway.Member.PostAsJsonAsync($"/v1/uploads/{id}/complete", new { part_ids = parts, md5 });

    private static MultipartFormDataContent Part(byte[] bytes, string name = "data") => new() { { new ByteArrayContent(bytes), name, "../blob" } };

    private static async Task ErrorAsync(Task<HttpResponseMessage> sent, HttpStatusCode status, string? param) =>
        Assert.Equal(param, (await sent.JsonAsync(status)).GetProperty("error").GetProperty("param").GetString());

    private async Task<List<string>> BlobsAsync(string upload)
    {
        var keys = new List<string>();
        await foreach (var blob in gateway.App.Services.GetRequiredService<IBlobStore>().ListAsync("uploads/"))
        {
            if (blob.Key.Contains(upload, StringComparison.Ordinal)) keys.Add(blob.Key);
        }
        return keys;
    }

    private sealed class LaterTime(TimeSpan by) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + by;
    }
}
