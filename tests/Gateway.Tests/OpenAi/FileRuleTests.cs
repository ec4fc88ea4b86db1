using FineTuneGrid.Contracts;
using FineTuneGrid.Gateway.OpenAi.Files;
using FineTuneGrid.Gateway.OpenAi.Uploads;

namespace FineTuneGrid.Gateway.Tests.OpenAi;

/// <summary>What files and uploads may be, as functions.</summary>
public sealed class FileRuleTests
{
    private static readonly DateTimeOffset Now = new(2026, 3, 3, 12, 0, 0, TimeSpan.Zero);
    private static readonly UploadRequest Request = new("train.jsonl", "fine-tune", 100, "application/jsonl");

    [Theory]
    [InlineData("train.jsonl")]
    [InlineData("données d'été (2).jsonl")]
    [InlineData("100%.jsonl")]
    [InlineData("训练.jsonl")]
    [InlineData("console.jsonl")]
    [InlineData(".hidden.jsonl")]
    public void Name_ThatHarmsNobody_IsTaken(string name) => Assert.Equal(name, FileNames.Check(name, "file"));

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("..")]
    [InlineData("../train.jsonl")]
    [InlineData("..\\train.jsonl")]
    [InlineData("a/b.jsonl")]
    [InlineData("/etc/passwd")]
    [InlineData("C:train.jsonl")]
    [InlineData("%2e%2e%2ftrain.jsonl")]
    [InlineData("a%2Fb.jsonl")]
    [InlineData("a%00.jsonl")]
    [InlineData("a%0d%0aSet-Cookie: x.jsonl")]
    [InlineData("a\0.jsonl")]
    [InlineData("a\r\nb.jsonl")]
    [InlineData("a\u202Elnosj.jsonl")]
    [InlineData("a\u2066b.jsonl")]
    [InlineData("a\u200Fb.jsonl")]
    [InlineData("a\uFEFFb.jsonl")]
    [InlineData("a\u2028b.jsonl")]
    [InlineData("a\uD800.jsonl")]
    [InlineData("NUL")]
    [InlineData("con.jsonl")]
    [InlineData("LPT1.jsonl")]
    [InlineData("aux .jsonl")]
    [InlineData("train.jsonl.")]
    [InlineData(" train.jsonl")]
    public void Name_ThatMisleads_IsRefused(string? name) => Assert.Equal("file", Assert.Throws<GridException>(() => FileNames.Check(name, "file")).Field);

    [Fact]
    public void Name_OfMoreThan255Characters_IsRefused()
    {
        FileNames.Check(new string('a', 255), "file");
        Assert.Throws<GridException>(() => FileNames.Check(new string('a', 256), "file"));
    }

    [Theory]
    [InlineData("a.JSONL", "data.jsonl")]
    [InlineData("a.b.parquet", "data.parquet")]
    public void Path_IsTheServersOwn(string name, string path) => Assert.Equal(path, FileNames.PathOf(name, "file"));

    [Theory]
    [InlineData("train")]
    [InlineData("train.csv")]
    [InlineData("train.jsonl.gz")]
    public void Path_OfAnotherKind_IsRefused(string name) => Assert.Throws<GridException>(() => FileNames.PathOf(name, "file"));

    [Theory]
    [InlineData("created_at", 3600L, null)]
    [InlineData("created_at", 2_592_000L, null)]
    [InlineData("created_at", 3599L, "expires_after[seconds]")]
    [InlineData("created_at", 2_592_001L, "expires_after[seconds]")]
    [InlineData("created_at", null, "expires_after[seconds]")]
    [InlineData("last_active_at", 3600L, "expires_after[anchor]")]
    [InlineData(null, 3600L, "expires_after[anchor]")]
    public void Lifetime_IsAnHourTo30Days(string? anchor, long? seconds, string? field)
    {
        var lifetime = new FileLifetime(anchor, seconds);
        if (field is null) Assert.Equal(seconds, (long)lifetime.Check().TotalSeconds);
        else Assert.Equal(field, Assert.Throws<GridException>(() => { lifetime.Check(); }).Field);
    }

    [Fact]
    public void List_GoesOnBehindAnIdThatIsGone()
    {
        string[] ids = ["file-a", "file-c", "file-d"];
        Assert.Equal(["file-d", "file-c"], new FileQuery(After: null).Select(ids).Take(2));
        Assert.Equal(["file-a"], new FileQuery(After: "file-b").Select(ids));
        Assert.Equal(["file-c", "file-d"], new FileQuery(After: "file-b", Ascending: true).Select(ids));
    }

    [Fact]
    public void Upload_IsOpenForAnHour()
    {
        var upload = Upload();
        UploadRules.RequireOpen(upload, Now.AddHours(1).AddTicks(-1));
        Assert.Equal("pending", UploadRules.StatusOf(upload, Now));
        Assert.Contains("expired", Assert.Throws<GridException>(() => UploadRules.RequireOpen(upload, Now.AddHours(1))).Message);
        Assert.Equal("expired", UploadRules.StatusOf(upload, Now.AddHours(1)));
        Assert.Contains("cancelled", Assert.Throws<GridException>(() => UploadRules.RequireOpen(upload with { Status = UploadStatus.Cancelled }, Now)).Message);
        Assert.Equal("completed", UploadRules.StatusOf(upload with { Status = UploadStatus.Completed }, Now.AddHours(2)));
    }

    [Fact]
    public void Upload_ThatCannotBe_IsRefusedByItsField()
    {
        foreach (var (request, field) in new[]
        {
            (Request with { Purpose = null }, "purpose"), (Request with { Purpose = "batch" }, "purpose"), (Request with { Filename = "../a.jsonl" }, "filename"),
            (Request with { Filename = "a.zip" }, "filename"), (Request with { MimeType = null }, "mime_type"), (Request with { Bytes = null }, "bytes"),
            (Request with { Bytes = 0 }, "bytes"), (Request with { Bytes = 1001 }, "bytes"), (Request with { ExpiresAfter = new FileLifetime("created_at", 1) }, "expires_after[seconds]"),
        })
            Assert.Equal(field, Assert.Throws<GridException>(() => UploadRules.Create(request, "acme", "upload-1", "file-1", 1000, Now)).Field);
    }

    [Fact]
    public void Parts_MustBeThereOnceAndAddUp()
    {
        var lengths = new Dictionary<string, long> { ["a"] = 60, ["b"] = 40, ["c"] = 1 };
        UploadRules.CheckParts(Upload(), ["b", "a"], lengths);
        foreach (var ids in (string[]?[])[null, [], ["a"], ["a", "b", "c"], ["a", "x"], ["a", "a", "b"]])
            Assert.Equal("part_ids", Assert.Throws<GridException>(() => UploadRules.CheckParts(Upload(), ids, lengths)).Field);
    }

    [Fact]
    public void Parts_SentAgainAndAgain_EndSomewhere()
    {
        UploadRules.RequireRoom(Upload(), 3, 200);
        Assert.Throws<GridException>(() => UploadRules.RequireRoom(Upload(), 3, 201));
        Assert.Throws<GridException>(() => UploadRules.RequireRoom(Upload(), UploadRules.MaxParts, 0));
    }

    private static UploadRecord Upload() => UploadRules.Create(Request, "acme", "upload-1", "file-1", 1000, Now);
}
