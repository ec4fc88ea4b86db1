using FineTuneGrid.Contracts.Housekeeping;
using FineTuneGrid.Grains.Housekeeping;
using FineTuneGrid.Storage;

namespace FineTuneGrid.Grains.Tests;

/// <summary>What may go, as a function of listing, references and time.</summary>
public sealed class GarbageRulesTests
{
    private const string Set = "datasets/d/";
    private static readonly DateTimeOffset Now = new(2026, 3, 3, 12, 0, 0, TimeSpan.Zero);
    private static readonly RetentionPolicy Policy = new();
    private static readonly TimeSpan Tick = TimeSpan.FromTicks(1);
    private static readonly IReadOnlySet<string> Nothing = new HashSet<string>();

    private readonly GarbageRules _rules = new(Policy, Now);

    [Fact]
    public void Source_NamedByTheState_Stays()
    {
        var blobs = List(Blob("source/1", TimeSpan.FromDays(400)), Blob("source/2", TimeSpan.FromDays(400)), Blob("manifest.json", TimeSpan.FromDays(400)));
        Assert.Equal(["datasets/d/source/2"], Keys(_rules.Asset(Set, blobs, Live(files: ["datasets/d/source/1"]))));
    }

    [Theory]
    [InlineData(0, true)]
    [InlineData(-1, false)]
    public void Source_NamedByNobody_GoesAtItsAge(int ticks, bool goes)
    {
        var garbage = _rules.Asset(Set, List(Blob("source/1", Policy.Unreferenced + ticks * Tick)), Live());
        Assert.Equal(goes, garbage.Any(g => g.Kind == GarbageKinds.Unreferenced));
    }

    [Fact]
    public void Upload_WithOneYoungPiece_StaysWhole()
    {
        var blobs = List(
            Blob("uploads/a-10/0", Policy.Uploads), Blob("uploads/a-10/5", Policy.Uploads - Tick), Blob("uploads/b-10/0", Policy.Uploads), Blob("uploads/b-10/5", Policy.Uploads));
        var garbage = Assert.Single(_rules.Asset(Set, blobs, Live()));
        // The last piece first: a shorter upload is one that can go on, one with a gap is not.
        Assert.Equal((GarbageKinds.Uploads, "datasets/d/uploads/b-10/5,datasets/d/uploads/b-10/0"), (garbage.Kind, string.Join(',', garbage.Blobs.Select(b => b.Key))));
    }

    [Fact]
    public void Deleted_GoesAtOnceAndWhole()
    {
        var blobs = List(Blob("source/1", TimeSpan.Zero), Blob("tokens/x/index.json", TimeSpan.Zero), Blob("manifest.json", TimeSpan.Zero));
        var garbage = _rules.Asset(Set, blobs, new AssetReferences(true, new HashSet<string> { "datasets/d/source/1" }, false, Nothing)).ToList();
        Assert.Equal(3, garbage.Count);
        Assert.All(garbage, g => Assert.Equal(GarbageKinds.Deleted, g.Kind));
    }

    [Theory]
    [InlineData(0, 2)]
    [InlineData(-1, 0)]
    public void Stateless_GoesWhenItsYoungestIsOld(int ticks, int goes) => Assert.Equal(
        goes, _rules.Asset(Set, List(Blob("source/1", TimeSpan.FromDays(9)), Blob("source/2", Policy.Unreferenced + ticks * Tick)), null).Count());

    [Fact]
    public void Tokens_OfDeadModels_GoIndexFirst()
    {
        var blobs = List(
            Blob("tokens/dead/0.safetensors", TimeSpan.FromDays(2)), Blob("tokens/dead/index.json", TimeSpan.FromDays(2)),
            Blob("tokens/live/0.safetensors", TimeSpan.FromDays(2)), Blob("tokens/live/index.json", TimeSpan.FromDays(2)));
        var garbage = Assert.Single(_rules.Asset(Set, blobs, Live(tokens: ["datasets/d/tokens/live/index.json"])));
        Assert.Equal(["datasets/d/tokens/dead/index.json", "datasets/d/tokens/dead/0.safetensors"], garbage.Blobs.Select(b => b.Key));
    }

    [Fact]
    public void Tokens_WhileAJobHoldsTheDataSet_Stay() =>
        Assert.Empty(_rules.Asset(Set, List(Blob("tokens/dead/index.json", TimeSpan.FromDays(90))), Live() with { InUse = true }));

    [Fact]
    public void Tokens_BeingMade_Stay()
    {
        var blobs = List(Blob("tokens/new/0.safetensors", TimeSpan.FromDays(2)), Blob("tokens/new/1.safetensors", TimeSpan.FromMinutes(1)));
        Assert.Empty(_rules.Asset(Set, blobs, Live()));
        Assert.Single(_rules.Asset(Set, List(blobs[0]), Live()));
    }

    [Fact]
    public void UnknownPlaces_Stay() => Assert.Empty(_rules.Asset(Set, List(Blob("notes/1", TimeSpan.FromDays(900)), Blob("manifest.json", TimeSpan.FromDays(900))), Live()));

    [Fact]
    public void Adapter_FilesOfNoVersion_GoWhenOld()
    {
        var blobs = List(
            new BlobInfo("adapters/a/1/x", 1, "e", Now - TimeSpan.FromDays(9)), new BlobInfo("adapters/a/2/y", 1, "e", Now - TimeSpan.FromDays(9)),
            new BlobInfo("adapters/a/3/z", 1, "e", Now - TimeSpan.FromHours(1)));
        Assert.Equal(["adapters/a/2/y"], Keys(_rules.Adapter(blobs, new AdapterReferences(false, new HashSet<string> { "adapters/a/1/x" }))));
        Assert.Equal(3, _rules.Adapter(blobs, new AdapterReferences(true, Nothing)).Count());
    }

    [Theory]
    [InlineData("adapters/a/1/exports/merged/", true, 7, true)]
    [InlineData("adapters/a/1/exports/merged/", true, 6, false)]
    [InlineData("adapters/a/1/exports/merged/", false, 1, true)]
    [InlineData("adapters/a/1/exports/merged/", false, 0, false)]
    [InlineData("models/m/exports/gguf/", true, 7, true)]
    [InlineData("models/m/exports/gguf/", true, 6, false)]
    public void Exports_AreKeptForTheirTimeAndGoRecordFirst(string place, bool whole, int days, bool go)
    {
        var age = TimeSpan.FromDays(days);
        List<BlobInfo> blobs = [new(place + "0abc", 1, "e", Now - age - Tick)];
        if (whole) blobs.Add(new BlobInfo(place + "record.json", 1, "e", Now - age));

        var garbage = (place.StartsWith("adapters/", StringComparison.Ordinal) ? _rules.Adapter(blobs, new AdapterReferences(false, Nothing)) : _rules.Asset("models/m/", blobs, Live())).ToList();

        Assert.Equal(go ? whole ? [place + "record.json", place + "0abc"] : [place + "0abc"] : [], Keys(garbage));
        Assert.All(garbage, g => Assert.Equal(GarbageKinds.Exports, g.Kind));
    }

    [Fact]
    public void Draft_Abandoned_GoesNamesFirst()
    {
        const string folder = "drafts/q/";
        var blobs = List(new BlobInfo("drafts/q/source/1", 1, "e", Now - Policy.Uploads), new BlobInfo("drafts/q/files/0.json", 1, "e", Now - Policy.Uploads));
        Assert.Equal(["drafts/q/files/0.json", "drafts/q/source/1"], Assert.Single(_rules.Draft(folder, blobs.OrderBy(b => b.Key).ToList())).Blobs.Select(b => b.Key));
        Assert.Empty(_rules.Draft(folder, List(blobs[0], blobs[1] with { Modified = Now })));
    }

    [Theory]
    [InlineData(0, true)]
    [InlineData(-1, false)]
    public void OpenUpload_GoesWhenNothingCanComeAnyMore_RecordFirst(int ticks, bool goes)
    {
        const string folder = "uploads/u/";
        var record = new BlobInfo(folder + "upload.json", 1, "e", Now - TimeSpan.FromDays(1));
        var part = new BlobInfo(folder + "parts/1", 1, "e", Now - Policy.OpenUploads - ticks * Tick);
        var garbage = _rules.OpenUpload(folder, List(part, record)).ToList();
        Assert.Equal(goes ? [record.Key, part.Key] : [], garbage.SelectMany(g => g.Blobs).Select(b => b.Key));
    }

    [Fact]
    public void File_WithoutItsRecord_GoesAtItsAge()
    {
        const string folder = "files/f/";
        var content = new BlobInfo(folder + "content", 1, "e", Now - Policy.Unreferenced);
        Assert.Empty(_rules.File(folder, List(content, content with { Key = folder + "file.json" })));
        Assert.Equal([content.Key], Keys(_rules.File(folder, List(content))));
        Assert.Empty(_rules.File(folder, List(content with { Modified = Now })));
    }

    [Theory]
    [InlineData("idempotency/c.json", 23, false)]
    [InlineData("idempotency/c.json", 24, true)]
    [InlineData("idempotency/replies/20260302/c.json", 47, false)]
    [InlineData("idempotency/replies/20260301/c.json", 48, true)]
    public void Idempotency_GoesAtItsAge(string key, int hours, bool goes) =>
        Assert.Equal(goes, _rules.Idempotency(new BlobInfo(key, 1, "e", Now - TimeSpan.FromHours(hours)), "idempotency/replies/").Any());

    [Theory]
    [InlineData(400, true)]
    [InlineData(399, false)]
    public void Audit_GoesAtItsAge(int days, bool goes) =>
        Assert.Equal(goes, _rules.Audit(new BlobInfo("audit/20250101/000000-x.jsonl", 1, "e", Now - TimeSpan.FromDays(days))).Any(g => g.Kind == GarbageKinds.Audit));

    private static AssetReferences Live(string[]? files = null, string[]? tokens = null) =>
        new(false, new HashSet<string>(files ?? []), false, new HashSet<string>(tokens ?? []));

    private static BlobInfo Blob(string path, TimeSpan age) => new(Set + path, 1, "e", Now - age);

    private static List<BlobInfo> List(params BlobInfo[] blobs) => [.. blobs];

    private static IEnumerable<string> Keys(IEnumerable<Garbage> garbage) => garbage.SelectMany(g => g.Blobs).Select(b => b.Key);
}
