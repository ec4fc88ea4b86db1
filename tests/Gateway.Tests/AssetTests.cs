using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text;
using FineTuneGrid.Contracts;
using FineTuneGrid.Gateway.Assets;
using FineTuneGrid.Gateway.Tests.Support;

namespace FineTuneGrid.Gateway.Tests;

/// <summary>Bytes in and out: models and data sets, whole and in pieces.</summary>
[Collection(GatewayCollection.Name)]
public sealed class AssetTests(GatewayUnderTest gateway)
{
    [Fact]
    public async Task Dataset_IsCreatedFilledAndInspected()
    {
        var made = await gateway.Member.PostAsJsonAsync("/api/v1/datasets", new { name = "whole" }).JsonAsync(HttpStatusCode.Created);
        Assert.Equal(("acme", "draft"), (made.Text("org"), made.Text("status")));
        var rows = Samples.Rows(5);
        var file = await gateway.Member.PutAsync("/api/v1/datasets/whole/files/rows.jsonl", rows, Sha256(rows)).JsonAsync(HttpStatusCode.Created);
        Assert.Equal((rows.Length, Sha256(rows)), (file.GetProperty("length").GetInt32(), file.Text("sha256")));
        var ready = await gateway.Member.PostAsync("/api/v1/datasets/whole/commit", HttpAssert.Json("""{"license":"cc0-1.0"}""")).JsonAsync();
        Assert.Equal(("ready", "cc0-1.0", 5), (ready.Text("status"), ready.Text("license"), ready.GetProperty("manifest").GetProperty("rows").GetInt32()));
        Assert.Equal(rows, await gateway.Reader.GetByteArrayAsync("/api/v1/datasets/whole/files/rows.jsonl"));
        await gateway.Member.PutAsync("/api/v1/datasets/whole/files/more.jsonl", rows).ProblemAsync(HttpStatusCode.Conflict, ErrorCodes.Conflict);
        await gateway.Member.PostAsJsonAsync("/api/v1/datasets", new { name = "whole" }).ProblemAsync(HttpStatusCode.Conflict, ErrorCodes.AlreadyExists);
        await gateway.Member.PostAsync("/api/v1/datasets/whole/commit", null).JsonAsync();
        await Gone("whole");
    }

    [Theory]
    [InlineData(null, null, "apache-2.0")]
    [InlineData("mit", null, "mit")]
    [InlineData("mit", "bsd-3-clause", "bsd-3-clause")]
    public async Task License_IsTheGivenOne_ElseThatOfTheReadme(string? atCreation, string? atCommit, string expected)
    {
        foreach (var kind in (string[])["datasets", "models"])
        {
            var name = "licensed-" + Guid.NewGuid().ToString("N")[..8];
            await gateway.Member.PostAsJsonAsync($"/api/v1/{kind}", new { name, license = atCreation }).JsonAsync(HttpStatusCode.Created);
            await gateway.Member.PutAsync($"/api/v1/{kind}/{name}/files/README.md", "---\nlanguage: en\nlicense: apache-2.0\n---\n# Card\n"u8.ToArray()).JsonAsync(HttpStatusCode.Created);
            foreach (var (path, bytes) in kind == "models" ? [("config.json", Encoding.UTF8.GetBytes(Samples.Config)), ("model.safetensors", Samples.Weights())] : new[] { ("rows.jsonl", Samples.Rows()) })
                await gateway.Member.PutAsync($"/api/v1/{kind}/{name}/files/{path}", bytes).JsonAsync(HttpStatusCode.Created);
            Assert.Equal(expected, (await gateway.Member.PostAsJsonAsync($"/api/v1/{kind}/{name}/commit", new { license = atCommit }).JsonAsync()).Text("license"));
            if (kind == "datasets") continue;
            var adapter = await gateway.Member.PushAdapterAsync("acme", name, name, 32, "model.layers.0.self_attn.q_proj");
            var version = (await gateway.Reader.GetAsync($"/api/v1/adapters/{adapter}").JsonAsync()).GetProperty("versions")[0];
            Assert.Equal(expected, version.GetProperty("lineage").Text("base_license"));
            var card = await gateway.Reader.GetStringAsync($"/api/v1/adapters/{adapter}/versions/1/files/README.md");
            Assert.Contains($"license: \"{expected}\"", card);
            Assert.Contains($"| Base license | {expected} |", card);
        }
        await gateway.Member.PostAsJsonAsync("/api/v1/models", new { name = "a", license = "two\nlines" }).ProblemAsync(HttpStatusCode.UnprocessableEntity, ErrorCodes.InvalidValue);
    }

    [Fact]
    public async Task Model_IsInspectedByHeaderAlone()
    {
        await gateway.Member.AddModelAsync("plain");
        var model = await gateway.Reader.GetAsync("/api/v1/models/plain").JsonAsync();
        Assert.Equal("llama", model.GetProperty("manifest").Text("model_type"));
        Assert.Equal("model.layers.0.mlp.down_proj", model.GetProperty("manifest").GetProperty("linear_modules")[0].Text("path"));
    }

    [Fact]
    public async Task Model_WithoutWeights_IsRefused()
    {
        await gateway.Member.PostAsJsonAsync("/api/v1/models", new { name = "hollow" }).JsonAsync(HttpStatusCode.Created);
        await gateway.Member.PostAsync("/api/v1/models/hollow/commit", null).ProblemAsync(HttpStatusCode.BadRequest, ErrorCodes.InvalidRequest);
        await gateway.Member.PutAsync("/api/v1/models/hollow/files/config.json", Encoding.UTF8.GetBytes(Samples.Config)).JsonAsync(HttpStatusCode.Created);
        await gateway.Member.PostAsync("/api/v1/models/hollow/commit", null).ProblemAsync(HttpStatusCode.UnprocessableEntity, ErrorCodes.InvalidModel);
        Assert.Equal("failed", (await gateway.Member.GetAsync("/api/v1/models/hollow").JsonAsync()).Text("status"));
        await gateway.Member.PutAsync("/api/v1/models/hollow/files/model.safetensors", Samples.Weights()).JsonAsync(HttpStatusCode.Created);
        Assert.Equal("ready", (await gateway.Member.PostAsync("/api/v1/models/hollow/commit", null).JsonAsync()).Text("status"));
    }

    [Fact]
    public async Task Dataset_WithBadLines_NamesThem()
    {
        await gateway.Member.PostAsJsonAsync("/api/v1/datasets", new { name = "crooked" }).JsonAsync(HttpStatusCode.Created);
        await gateway.Member.PutAsync("/api/v1/datasets/crooked/files/rows.jsonl", Encoding.UTF8.GetBytes("{\"prompt\":\"a\",\"completion\":\"b\"}\n{broken\n")).JsonAsync(HttpStatusCode.Created);
        var problem = await gateway.Member.PostAsync("/api/v1/datasets/crooked/commit", null).ProblemAsync(HttpStatusCode.BadRequest, ErrorCodes.InvalidJson);
        Assert.Equal(2, problem.GetProperty("findings").EnumerateArray().Single().GetProperty("row").GetInt32());
        Assert.Equal("failed", (await gateway.Member.GetAsync("/api/v1/datasets/crooked").JsonAsync()).Text("status"));
        await Gone("crooked");
    }

    [Fact]
    public async Task Upload_ThatIsNotWhatWasAnnounced_IsRefusedAndLeavesNothing()
    {
        await gateway.Member.PostAsJsonAsync("/api/v1/datasets", new { name = "other" }).JsonAsync(HttpStatusCode.Created);
        var problem = await gateway.Member.PutAsync("/api/v1/datasets/other/files/rows.jsonl", Samples.Rows(), new string('0', 64)).ProblemAsync(HttpStatusCode.BadRequest, ErrorCodes.DigestMismatch);
        Assert.Equal("X-Content-SHA256", problem.Text("field"));
        await gateway.Member.PutAsync("/api/v1/datasets/other/files/rows.jsonl", Samples.Rows(), "short").ProblemAsync(HttpStatusCode.UnprocessableEntity, ErrorCodes.InvalidValue);
        Assert.Equal(0, (await gateway.Member.GetAsync("/api/v1/datasets/other").JsonAsync()).GetProperty("files").GetArrayLength());
        await Gone("other");
    }

    [Fact]
    public async Task Upload_LargerThanOtherBodies_IsTaken()
    {
        await gateway.Member.PostAsJsonAsync("/api/v1/datasets", new { name = "large" }).JsonAsync(HttpStatusCode.Created);
        var file = await gateway.Member.PutAsync("/api/v1/datasets/large/files/rows.jsonl", new byte[6 << 20]).JsonAsync(HttpStatusCode.Created);
        Assert.Equal(6 << 20, file.GetProperty("length").GetInt32());
        await gateway.Member.PutAsync("/api/v1/datasets/large/files/rows.jsonl", new byte[1], range: new ContentRangeHeaderValue(0, 0, 1L << 40))
            .ProblemAsync(HttpStatusCode.RequestEntityTooLarge, ErrorCodes.TooLarge);
        await Gone("large");
    }

    [Theory]
    [InlineData("pytorch_model.bin")]
    [InlineData("weights.PT")]
    [InlineData("data.zip")]
    [InlineData("a//b.json")]
    [InlineData("%5C%5Cb.json")]
    [InlineData("a%20b.json")]
    public async Task Upload_OfAFileThatNobodyShouldOpen_IsRefused(string path)
    {
        await gateway.Member.PostAsJsonAsync("/api/v1/models", new { name = "unsafe" });
        using var response = await gateway.Member.PutAsync("/api/v1/models/unsafe/files/" + path, [1]);
        Assert.True(response.StatusCode is HttpStatusCode.UnprocessableEntity, $"{path}: {response.StatusCode}");
        Assert.Equal(0, (await gateway.Member.GetAsync("/api/v1/models/unsafe").JsonAsync()).GetProperty("files").GetArrayLength());
    }

    [Theory]
    [InlineData("")]
    [InlineData("../a.json")]
    [InlineData("a/../b.json")]
    [InlineData("./a.json")]
    [InlineData("/a.json")]
    [InlineData("a\0.json")]
    [InlineData("1/2/3/4/5/6/7/8/9.json")]
    public void Path_ThatLeavesItsFolder_IsRefused(string path) =>
        Assert.Equal("path", Assert.Throws<GridException>(() => FileUpload.CheckPath(path)).Field);

    [Fact]
    public async Task Upload_InPieces_GoesOnWhereItStopped()
    {
        const string url = "/api/v1/datasets/pieces/files/rows.jsonl";
        await gateway.Member.PostAsJsonAsync("/api/v1/datasets", new { name = "pieces" }).JsonAsync(HttpStatusCode.Created);
        var rows = Samples.Rows(100);
        Assert.Null(await HaveAsync(url, rows.Length));
        await Piece(url, rows, 0, 40, HttpStatusCode.Accepted);
        Assert.Equal("bytes=0-39", await HaveAsync(url, rows.Length));
        var problem = await gateway.Member.PutAsync(url, rows[60..80], range: new ContentRangeHeaderValue(60, 79, rows.Length)).ProblemAsync(HttpStatusCode.Conflict, ErrorCodes.Conflict);
        Assert.Contains("40", problem.Text("detail"));
        await gateway.Member.PutAsync(url, rows[40..90], range: new ContentRangeHeaderValue(40, 79, rows.Length)).ProblemAsync(HttpStatusCode.RequestEntityTooLarge, ErrorCodes.TooLarge);
        await Piece(url, rows, 40, 100, HttpStatusCode.Accepted);
        await Piece(url, rows, 100, rows.Length, HttpStatusCode.Created);
        Assert.Equal(rows, await gateway.Member.GetByteArrayAsync(url));
        Assert.Equal(100, (await gateway.Member.PostAsync("/api/v1/datasets/pieces/commit", null).JsonAsync()).GetProperty("manifest").GetProperty("rows").GetInt32());
        await Gone("pieces");
    }

    [Fact]
    public async Task Upload_InPiecesOfTheWrongFile_StartsAgainAfterTheRefusal()
    {
        const string url = "/api/v1/datasets/mixed/files/rows.jsonl";
        await gateway.Member.PostAsJsonAsync("/api/v1/datasets", new { name = "mixed" }).JsonAsync(HttpStatusCode.Created);
        var rows = Samples.Rows(10);
        await gateway.Member.PutAsync(url, new byte[50], range: new ContentRangeHeaderValue(0, 49, rows.Length)).JsonAsync(HttpStatusCode.Accepted);
        await gateway.Member.PutAsync(url, rows[50..], Sha256(rows), new ContentRangeHeaderValue(50, rows.Length - 1, rows.Length)).ProblemAsync(HttpStatusCode.BadRequest, ErrorCodes.DigestMismatch);
        Assert.Null(await HaveAsync(url, rows.Length));
        await Piece(url, rows, 0, 50, HttpStatusCode.Accepted);
        await Piece(url, rows, 50, rows.Length, HttpStatusCode.Created);
        await Gone("mixed");
    }

    [Theory]
    [InlineData("bytes 0-9/*")]
    [InlineData("bytes 9-0/10")]
    [InlineData("lines")]
    public async Task Upload_WithABadRange_SaysHowItShouldBe(string range)
    {
        await gateway.Member.PostAsJsonAsync("/api/v1/datasets", new { name = "ranged" });
        var request = new HttpRequestMessage(HttpMethod.Put, "/api/v1/datasets/ranged/files/rows.jsonl") { Content = new ByteArrayContent(new byte[10]) };
        request.Content.Headers.TryAddWithoutValidation("Content-Range", range);
        Assert.Equal("Content-Range", (await gateway.Member.SendAsync(request).ProblemAsync(HttpStatusCode.BadRequest, ErrorCodes.InvalidRequest)).Text("field"));
    }

    [Fact]
    public async Task Download_KnowsRangesAndETags()
    {
        await gateway.Member.AddDatasetAsync("ranges", Samples.Rows(20));
        var rows = Samples.Rows(20);
        var request = new HttpRequestMessage(HttpMethod.Get, "/api/v1/datasets/ranges/files/rows.jsonl");
        request.Headers.Range = new RangeHeaderValue(10, 19);
        using var part = await gateway.Member.SendAsync(request);
        Assert.Equal(HttpStatusCode.PartialContent, part.StatusCode);
        Assert.Equal(rows[10..20], await part.Content.ReadAsByteArrayAsync());
        Assert.Equal($"\"{Sha256(rows)}\"", part.Headers.ETag!.Tag);
        Assert.Equal("nosniff", part.Headers.GetValues("X-Content-Type-Options").Single());
        request = new HttpRequestMessage(HttpMethod.Get, "/api/v1/datasets/ranges/files/rows.jsonl");
        request.Headers.IfNoneMatch.Add(part.Headers.ETag);
        using var same = await gateway.Member.SendAsync(request);
        Assert.Equal(HttpStatusCode.NotModified, same.StatusCode);
        await gateway.Member.GetAsync("/api/v1/datasets/ranges/files/others.jsonl").ProblemAsync(HttpStatusCode.NotFound, ErrorCodes.NotFound);
        await Gone("ranges");
    }

    [Fact]
    public async Task Import_TakesNothingFromOutsideItsRoots()
    {
        var secret = Path.Combine(gateway.Directory, "secrets", "pepper");
        var folder = Directory.CreateDirectory(Path.Combine(gateway.ImportRoot, "folder")).FullName;
        File.CreateSymbolicLink(Path.Combine(folder, "rows.jsonl"), secret);
        Directory.CreateSymbolicLink(Path.Combine(gateway.ImportRoot, "way-out"), Path.GetDirectoryName(secret)!);
        foreach (var path in (string[])[secret, "/etc/passwd", folder, Path.Combine(folder, "rows.jsonl"), Path.Combine(gateway.ImportRoot, "way-out", "pepper"), Path.Combine(gateway.ImportRoot, "..", "admin.key"), gateway.ImportRoot + "-2/x"])
            await ImportAsync(path).ProblemAsync(HttpStatusCode.Forbidden, ErrorCodes.Forbidden);
        foreach (var path in (string[])["", "relative.jsonl", "/a\0b"])
            await ImportAsync(path).ProblemAsync(HttpStatusCode.UnprocessableEntity, ErrorCodes.MissingField);
        await ImportAsync(Path.Combine(gateway.ImportRoot, "none")).ProblemAsync(HttpStatusCode.NotFound, ErrorCodes.NotFound);
        await gateway.Admin.GetAsync("/api/v1/datasets/imported").ProblemAsync(HttpStatusCode.NotFound, ErrorCodes.NotFound);

        await File.WriteAllBytesAsync(Path.Combine(gateway.ImportRoot, "rows.jsonl"), Samples.Rows());
        Assert.Equal("ready", (await ImportAsync(Path.Combine(gateway.ImportRoot, "rows.jsonl")).JsonAsync()).Text("status"));
        await gateway.Admin.DeleteAsync("/api/v1/datasets/imported").JsonAsync(HttpStatusCode.NoContent);

        Task<HttpResponseMessage> ImportAsync(string path) => gateway.Admin.PostAsJsonAsync("/api/v1/datasets/import", new { name = "imported", path });
    }

    private async Task Piece(string url, byte[] all, int from, int to, HttpStatusCode expected) =>
        await gateway.Member.PutAsync(url, all[from..to], Sha256(all), new ContentRangeHeaderValue(from, to - 1, all.Length)).JsonAsync(expected);

    /// <summary>What the server says it has of an upload.</summary>
    private async Task<string?> HaveAsync(string url, long length)
    {
        using var response = await gateway.Member.PutAsync(url, [], range: new ContentRangeHeaderValue(length));
        Assert.Equal(HttpStatusCode.Accepted, response.StatusCode);
        return response.Headers.TryGetValues("Range", out var range) ? range.Single() : null;
    }

    private async Task Gone(string dataset)
    {
        await gateway.Member.DeleteAsync($"/api/v1/datasets/{dataset}").JsonAsync(HttpStatusCode.NoContent);
        await gateway.Member.GetAsync($"/api/v1/datasets/{dataset}").ProblemAsync(HttpStatusCode.NotFound, ErrorCodes.NotFound);
    }

    private static string Sha256(byte[] bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));
}
