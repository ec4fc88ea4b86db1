using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Adapters;
using FineTuneGrid.Contracts.Provenance;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace FineTuneGrid.Cli.Tests.Support;

/// <summary>A server with one adapter and a few refusals, at which <c>FTG_URL</c> points while the tests run.</summary>
public sealed class SmallServer : IAsyncLifetime
{
    public const string Adapter = "acme/tuned";

    private readonly WebApplication _app;

    public SmallServer()
    {
        var builder = WebApplication.CreateBuilder(new WebApplicationOptions { EnvironmentName = "Production" });
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(k => k.Listen(IPAddress.Loopback, 0));
        _app = builder.Build();
        _app.MapGet("/api/v1/adapters/acme/tuned", () => Results.Text(View(), "application/json"));
        _app.MapGet("/api/v1/adapters/acme/tuned/versions/1/files/{**path}", Serve);
        _app.MapGet("/api/v1/adapters/acme/tuned/versions/1/verify", () => Results.Text(Check(), "application/json"));
        _app.MapGet("/api/v1/signing-key", () => Results.Json(new { key_id = "k", pem = SigningPem }));
        _app.MapPost("/api/v1/adapters/acme/tuned/promote", (JsonElement body) => Results.Json(new { version = "1", stage = body.GetProperty("stage").GetString() }));
        _app.MapGet("/api/v1/adapters/acme/tuned/stages", () => Results.Text("""{"data":[{"seq":1,"version":"1","stage":"champion","at":"2026-01-01T00:00:00Z","by":"key-1"}],"next":null}""", "application/json"));
        _app.MapDelete("/api/v1/datasets/held", () => Problem(409, """{"detail":"'held' is used by 2 job(s): job-1, job-2.","findings":[{"where":"job-1","message":"This job uses it."},{"where":"job-2","message":"This job uses it."}]}"""));
        _app.MapGet("/api/v1/jobs", () => Results.Text("""{"data":[{"id":"job-1","status":"running","adapter":"a/b\u001b[31m"}],"next":null}""", "application/json"));
        _app.MapGet("/api/v1/jobs/{id}", () => Problem(404, """{"detail":"There is no job 'job-x'.","findings":null}"""));
        _app.MapPost("/api/v1/jobs", () => Problem(422, """{"detail":"method.rank must be at least 1. (1 more)","findings":[{"where":"method.rank","message":"method.rank must be at least 1."},{"where":"name","message":"name is too long."}]}"""));
        _app.MapPost("/api/v1/jobs/{id}/verify-resume", Verify);
        _app.MapPost("/api/v1/housekeeping", (string dry_run) => Results.Text(Garbage(dry_run), "application/json"));
        _app.MapPut("/api/v1/orgs/{org}/quota", (string org, JsonElement quota) => Results.Json(new { name = org, used_bytes = 5, quota_bytes = quota.TryGetProperty("bytes", out var bytes) ? bytes.GetInt64() : (long?)null }));
        _app.MapPost("/api/v1/keys", (JsonElement key) => Results.Json(new { secret = string.Join(' ', ((string[])["name", "org", "role", "scopes", "expires_at"]).Select(n => key.TryGetProperty(n, out var value) ? value.ToString() : "-")) }));
        _app.MapGet("/api/v1/audit", (DateTimeOffset since, string? after) => Results.Json(new
        {
            data = new[] { new { at = since, key = "key-1", org = "team", route = "POST /api/v1/jobs", @object = "/api/v1/jobs/job-1", status = 201, outcome = "done", request_id = "r" } }, next = after is null ? "2" : null,
        }));
        _app.MapGet("/api/v1/keys", () => Results.StatusCode(401));
        _app.MapGet("/api/v1/models", () => Results.Text("<html>not a grid</html>", "text/html"));
        _app.MapDelete("/api/v1/models/{name}", () => Results.NoContent());
    }

    /// <summary>File contents by path, as they are served; the digests announced are those of <see cref="Announced"/>.</summary>
    public ConcurrentDictionary<string, byte[]> Files { get; } = new();

    public ConcurrentDictionary<string, string> Announced { get; } = new();

    /// <summary>The public key that the server shows.</summary>
    public string SigningPem { get; set; } = "";

    /// <summary>Path and Range header of every file that was asked for.</summary>
    public ConcurrentQueue<(string Path, string Range)> Asked { get; } = new();

    public void Hold(string path, byte[] bytes)
    {
        Files[path] = bytes;
        Announced[path] = Sha256(bytes);
    }

    /// <summary>An adapter of two files and its manifest; with a key also the key's file and the signed statement of all.</summary>
    public void Reset(SigningKey? key = null)
    {
        Files.Clear();
        Announced.Clear();
        Asked.Clear();
        if (key is not null) Hold(ProvenanceStatement.KeyFileName, Encoding.UTF8.GetBytes(key.Public.Pem));
        Hold("adapter_config.json", "{\"r\":8}"u8.ToArray());
        var weights = new byte[5000];
        new Random(1).NextBytes(weights);
        Hold("adapter_model.safetensors", weights);
        var lineage = new AdapterLineage("lora", null, "tiny", null, null, null, null, null, null, null, null, null, null, null);
        var manifest = new AdapterManifest(AdapterManifest.CurrentFormat, Adapter, "1", lineage, new AdapterMetrics(null, null, null, null, null),
            [.. Files.OrderBy(f => f.Key).Select(f => new AdapterFile(f.Key, f.Value.Length, Announced[f.Key]))]);
        Hold(AdapterManifest.FileName, GridJson.ToBytes(manifest));
        if (key is not null) Sign([.. Announced.Select(f => ResourceDescriptor.OfFile(f.Key, f.Value))], key);
    }

    public void Sign(IReadOnlyList<ResourceDescriptor> subject, SigningKey key)
    {
        var none = new Dictionary<string, string>();
        var statement = new ProvenanceStatement(ProvenanceStatement.StatementType, subject, ProvenanceStatement.SlsaType, new SlsaProvenance(
            new SlsaBuildDefinition("urn:test", new Dictionary<string, JsonElement>(), none, []), new SlsaRunDetails(new SlsaBuilder("urn:test", none), new SlsaMetadata(null, default), [])));
        Hold(ProvenanceStatement.FileName, DsseEnvelope.Sign(ProvenanceStatement.PayloadType, statement.Write(), key).Write());
    }

    public async Task InitializeAsync()
    {
        await _app.StartAsync();
        Environment.SetEnvironmentVariable("FTG_URL", _app.Urls.First());
        Environment.SetEnvironmentVariable("FTG_API_KEY", "ftg_test");
    }

    public async Task DisposeAsync() => await _app.DisposeAsync();

    public static string Sha256(byte[] bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));

    private string View()
    {
        var files = string.Join(",", Files.Select(f => $$"""{"path":"{{f.Key}}","key":"k","length":{{f.Value.Length}},"sha256":"{{Announced[f.Key]}}"}"""));
        return $$"""{"id":"adapter-1","org":"acme","name":"tuned","created_at":"2026-01-01T00:00:00Z","versions":[{"version":"1","revision":"r","stage":"champion","stage_seq":1,"files":[{{files}}]}]}""";
    }

    private string Check()
    {
        var bad = Files.Where(f => Sha256(f.Value) != Announced[f.Key]).Select(f => f.Key).ToHashSet();
        var files = string.Join(",", Files.Select(f => $$"""{"path":"{{f.Key}}","length":{{f.Value.Length}},"sha256":"{{Announced[f.Key]}}"{{(bad.Contains(f.Key) ? ",\"problem\":\"differs\"" : "")}}}"""));
        return $$"""{"adapter":"{{Adapter}}","version":"1","whole":{{(bad.Count == 0 ? "true" : "false")}},"files":[{{files}}]}""";
    }

    private static string Garbage(string dryRun) =>
        $$"""{"dry_run":{{dryRun}},"blobs":2,"bytes":30,"kinds":[{"kind":"uploads","blobs":2,"bytes":30},{"kind":"tokens","blobs":0,"bytes":0}],"items":[{"key":"drafts/x","kind":"uploads","bytes":30}],"problems":[{"where":"jobs/j/","message":"its head is damaged"}]}""";

    private IResult Serve(HttpContext context, string path)
    {
        Asked.Enqueue((path, context.Request.Headers.Range.ToString()));
        return Results.Bytes(Files[path], "application/octet-stream", enableRangeProcessing: true);
    }

    /// <summary>The answer about one job that is as it was, and about any other that is not.</summary>
    private static IResult Verify(string id, JsonElement window)
    {
        var same = id == "job-same";
        return Results.Json(new
        {
            job = id, from_step = window.GetProperty("from_step").GetInt32(), to_step = 8, adapter_sha256 = new { expected = "aa", actual = "aa" },
            optimizer_sha256 = new { expected = "bb", actual = same ? "bb" : "cc" }, identical = same, differs = same ? Array.Empty<string>() : ["optimizer.safetensors"],
            seconds = 1.5, note = same ? null : "another build",
        });
    }

    private static IResult Problem(int status, string body) => Results.Text(body, "application/problem+json", Encoding.UTF8, status);
}

[CollectionDefinition(Name)]
public sealed class ServerCollection : ICollectionFixture<SmallServer>
{
    public const string Name = "server";
}

/// <summary>One call of the program, in this process.</summary>
internal sealed record Call(int ExitCode, string Output, string Errors)
{
    public string LastError => Errors.TrimEnd().Split('\n')[^1].TrimEnd();

    public static async Task<Call> RunAsync(params string[] args)
    {
        var (output, errors) = (new StringWriter(), new StringWriter());
        var code = await CliApp.RunAsync(args, output, errors);
        return new Call(code, output.ToString(), errors.ToString());
    }
}
