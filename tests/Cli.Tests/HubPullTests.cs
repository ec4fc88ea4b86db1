using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using FineTuneGrid.Cli.Hub;
using FineTuneGrid.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace FineTuneGrid.Cli.Tests;

/// <summary>Pulls from a Hub that cuts connections, sends other bytes than it announced, or redirects where it should not.</summary>
public sealed class HubPullTests : IAsyncLifetime
{
    private const string Commit = "0123456789abcdef0123456789abcdef01234567";
    private static readonly byte[] Weights = RandomNumberGenerator.GetBytes(300_000);
    private static readonly byte[] Config = "{\"model_type\":\"llama\"}"u8.ToArray();

    private readonly WebApplication _app;
    private readonly string _home = Directory.CreateTempSubdirectory("ftg-hub-").FullName;
    private readonly string? _homeBefore = Environment.GetEnvironmentVariable("XDG_DATA_HOME");
    private readonly ConcurrentQueue<string> _ranges = new();
    private readonly ConcurrentQueue<string> _keys = new();
    private int _cutsLeft;
    private byte[] _served = Weights;
    private string? _redirect;

    public HubPullTests()
    {
        var builder = WebApplication.CreateBuilder(new WebApplicationOptions { EnvironmentName = "Production" });
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(k => k.Listen(IPAddress.Loopback, 0));
        _app = builder.Build();
        _app.MapGet("/api/models/team/base/revision/{rev}", () => Results.Json(new { sha = Commit }));
        _app.MapGet("/api/models/team/base/tree/" + Commit, Tree);
        _app.MapGet("/team/base/resolve/" + Commit + "/config.json", () => Results.Bytes(Config));
        _app.MapGet("/team/base/resolve/" + Commit + "/model.safetensors", Serve);
        _app.MapGet("/elsewhere", (HttpContext context) => Send(context));
    }

    private Uri Address => new(_app.Urls.First());

    public async Task InitializeAsync()
    {
        Environment.SetEnvironmentVariable("XDG_DATA_HOME", _home);
        await _app.StartAsync();
    }

    public async Task DisposeAsync()
    {
        Environment.SetEnvironmentVariable("XDG_DATA_HOME", _homeBefore);
        await _app.DisposeAsync();
        Directory.Delete(_home, recursive: true);
    }

    [Fact]
    public async Task Pull_GoesOnWhereTheConnectionWasCut_AndChecksBothKindsOfDigest()
    {
        _cutsLeft = 1;
        var files = await PullAsync();
        Assert.Equal(["config.json", "model.safetensors"], files.Select(f => f.Path));
        Assert.Equal(Config, await File.ReadAllBytesAsync(files[0].File));
        Assert.Equal(Weights, await File.ReadAllBytesAsync(files[1].File));
        Assert.Equal(2, _ranges.Count);
        Assert.Matches("^bytes=[1-9][0-9]*-$", _ranges.Last());
        Assert.All(_keys, k => Assert.Equal("Bearer hf_secret", k));
    }

    [Fact]
    public async Task Pull_AfterAnInterruption_AsksForTheRestAlone()
    {
        _cutsLeft = int.MaxValue;
        await Assert.ThrowsAsync<TransferException>(PullAsync);
        (_cutsLeft, var before) = (0, _ranges.Count);
        var files = await PullAsync();
        Assert.Equal(Weights, await File.ReadAllBytesAsync(files[1].File));
        Assert.Matches("^bytes=[1-9][0-9]*-$", Assert.Single(_ranges.Skip(before)));
    }

    [Fact]
    public async Task Pull_OfOtherBytesThanAnnounced_IsRefused()
    {
        _served = [.. Weights];
        _served[1000] ^= 1;
        Assert.Contains("the digest is", (await Assert.ThrowsAsync<TransferException>(PullAsync)).Message);
        Assert.DoesNotContain(Directory.EnumerateFiles(_home, "*", SearchOption.AllDirectories), f => f.Contains("model.safetensors"));
    }

    [Theory]
    [InlineData("/elsewhere", null)]
    [InlineData("http://169.254.169.254/latest/meta-data", "neither the endpoint nor a public https address")]
    [InlineData("file:///etc/passwd", "neither the endpoint nor a public https address")]
    [InlineData("https://10.0.0.1/x", "neither the endpoint nor a public https address")]
    [InlineData("https://metadata/x", "neither the endpoint nor a public https address")]
    public async Task Redirect_IsFollowedOnlyWhereAHubMayLead(string target, string? refusal)
    {
        _redirect = target;
        if (refusal is null) Assert.Equal(Weights, await File.ReadAllBytesAsync((await PullAsync())[1].File));
        else Assert.Contains(refusal, (await Assert.ThrowsAsync<CliException>(PullAsync)).Message);
    }

    [Theory]
    [InlineData("https://hub.example/files/x", true, true)]
    [InlineData("https://cdn.example/x", false, true)]
    [InlineData("http://hub.example/x", false, false)]
    [InlineData("https://hub.example:444/x", false, true)]
    [InlineData("https://localhost/x", false, false)]
    [InlineData("https://[::1]/x", false, false)]
    [InlineData("https://[::ffff:10.0.0.1]/x", false, false)]
    [InlineData("https://192.168.1.1/x", false, false)]
    public void Token_GoesToTheHubAlone(string target, bool getsToken, bool followed)
    {
        var egress = HubEgress.FromEnvironment("https://hub.example");
        Assert.Equal(getsToken, egress.IsHub(new Uri(target)));
        if (followed) Assert.Equal(new Uri(target), egress.Follow(egress.Endpoint, new Uri(target)));
        else Assert.Throws<CliException>(() => egress.Follow(egress.Endpoint, new Uri(target)));
    }

    [Theory]
    [InlineData("http://hub.example", "has no TLS")]
    [InlineData("ftp://hub.example", "not an http(s) address")]
    [InlineData("https://user:secret@hub.example", "not an http(s) address")]
    [InlineData("hub.example", "not an http(s) address")]
    public void Endpoint_NeedsTls(string endpoint, string refusal) =>
        Assert.Contains(refusal, Assert.Throws<CliException>(() => HubEgress.FromEnvironment(endpoint)).Message);

    [Theory]
    [InlineData("hub:Team/Base-7B", "Team/Base-7B", "main", "base-7b")]
    [InlineData("hub:tiny@2", "tiny", "2", "tiny")]
    [InlineData("hub:a/b@refs/pr/1", "a/b", "refs/pr/1", "b")]
    public void Reference_IsReadAsItIsWritten(string text, string repo, string revision, string name)
    {
        var reference = HubReference.Parse(text);
        Assert.Equal((repo, revision, name), (reference.Repo, reference.Revision, reference.DefaultName));
    }

    [Theory]
    [InlineData("hub:")]
    [InlineData("hub:a/b/c")]
    [InlineData("hub:../x")]
    [InlineData("hub:a/..")]
    [InlineData("hub:a/b@")]
    [InlineData("hub:a/b?x=1")]
    [InlineData("hub:a b")]
    public void Reference_ThatIsNone_IsRefused(string text) => Assert.Equal(2, Assert.Throws<CliException>(() => HubReference.Parse(text)).ExitCode);

    private async Task<IReadOnlyList<(string Path, string File)>> PullAsync()
    {
        using var source = new HubSource(HubEgress.FromEnvironment(Address.AbsoluteUri), "hf_secret");
        return (await new HubPull(source, new Output(true, TextWriter.Null, TextWriter.Null), Address.AbsoluteUri).RunAsync(HubReference.Parse("hub:team/base"), names => names, default)).Files;
    }

    /// <summary>Two pages: a plain file by git's id, a large one by its SHA-256.</summary>
    private IResult Tree(HttpContext context, string? cursor)
    {
        if (cursor is null)
        {
            context.Response.Headers.Link = $"<{Address.AbsoluteUri}api/models/team/base/tree/{Commit}?cursor=1>; rel=\"next\"";
            var header = Encoding.ASCII.GetBytes($"blob {Config.Length}\0");
            return Results.Json(new[] { new { type = "file", path = "config.json", size = Config.Length, oid = Convert.ToHexStringLower(SHA1.HashData([.. header, .. Config])) } });
        }
        var sha = Convert.ToHexStringLower(SHA256.HashData(Weights));
        return Results.Json(new[] { new { type = "file", path = "model.safetensors", size = Weights.Length, oid = new string('0', 40), lfs = new { oid = sha, size = Weights.Length } } });
    }

    private Task Serve(HttpContext context)
    {
        if (_redirect is null) return Send(context);
        context.Response.StatusCode = StatusCodes.Status302Found;
        context.Response.Headers.Location = _redirect;
        return Task.CompletedTask;
    }

    private async Task Send(HttpContext context)
    {
        var range = context.Request.Headers.Range.ToString();
        _ranges.Enqueue(range);
        _keys.Enqueue(context.Request.Headers.Authorization.ToString());
        var from = range.Length > 0 ? int.Parse(range["bytes=".Length..^1], System.Globalization.CultureInfo.InvariantCulture) : 0;
        if (from > 0) context.Response.StatusCode = StatusCodes.Status206PartialContent;
        context.Response.ContentLength = _served.Length - from;
        var cut = Interlocked.Decrement(ref _cutsLeft) >= 0;
        await context.Response.Body.WriteAsync(_served.AsMemory(from, cut ? Math.Min(20_000, _served.Length - from) : _served.Length - from));
        await context.Response.Body.FlushAsync();
        if (!cut) return;
        await ArrivedAsync(from);
        context.Abort();
    }

    /// <summary>A connection that is cut takes with it what is still under way: the cut waits until some of it is there.</summary>
    private async Task ArrivedAsync(long from)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(10));
        while (!Directory.EnumerateFiles(_home, "*.part", SearchOption.AllDirectories).Any(f => new FileInfo(f).Length > from)) await timer.WaitForNextTickAsync(limit.Token);
    }
}
