using System.Text.Json;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Access;
using FineTuneGrid.Gateway.Access;
using FineTuneGrid.Gateway.Assets;
using FineTuneGrid.Gateway.Audit;
using FineTuneGrid.Gateway.Idempotency;
using FineTuneGrid.Gateway.Problems;

namespace FineTuneGrid.Gateway.Hub;

/// <summary>What the official Hub clients call to push: create, preupload, the LFS batch, the uploads and the commit.</summary>
public static class HubWriteApi
{
    private const int MaxJson = 4 << 20;
    private const int MaxCommit = 32 << 20;
    private const int MaxObjects = 1000;

    /// <summary>Small texts come within the commit; all else is an object of its own.</summary>
    private const long MaxRegular = 256 << 10;
    private static readonly string[] Texts = [".json", ".md", ".txt", ".jinja"];

    private sealed record CreateRequest(string? Name, string? Organization, string? Type, JsonElement? Files);

    private sealed record PreuploadFile(string? Path, long Size);

    private sealed record PreuploadRequest(PreuploadFile[]? Files);

    private sealed record LfsObject(string? Oid, long Size);

    private sealed record BatchRequest(string? Operation, LfsObject[]? Objects);

    private sealed record YamlRequest(string? Content);

    /// <summary>The commit is what changes something; all before it only prepares.</summary>
    public static void MapHubWrites(this IEndpointRouteBuilder root)
    {
        var routes = root.MapGroup("").WithErrors(ErrorForm.Hub).InArea(KeyScopes.Registry);
        routes.MapPost("/api/repos/create", Create).RequireAuthorization(Policies.Member).WithTags("hub").WithSummary("Ask whether a repository's name may be pushed to").Audited(AuditMode.Never);
        routes.MapPost("/api/validate-yaml", ValidateYaml).RequireAuthorization(Policies.Reader).WithTags("hub").WithSummary("Check a card's front matter").Audited(AuditMode.Never);
        foreach (var repo in HubAddress.Routes)
        {
            var api = routes.MapGroup($"/api/models/{repo}").WithTags("hub").RequireAuthorization(Policies.Member);
            api.MapPost("/preupload/{rev}", Preupload).WithSummary("How each file is to be sent").Audited(AuditMode.Never);
            api.MapPost("/commit/{rev}", Commit).WithSummary("Check the files and register them as a base model or a version of an adapter").DisableRequestLimits();
            routes.MapPost($"/{repo}.git/info/lfs/objects/batch", Batch).RequireAuthorization(Policies.Member).WithTags("hub").WithSummary("Where each object is to be sent").Audited(AuditMode.Never);
        }
        routes.MapPut(HubUploadUrls.Route + "{token}", Receive).AllowAnonymous().WithTags("hub").WithSummary("Send one object to an address of the batch").DisableRequestLimits()
            .Audited(AuditMode.Never);
        routes.MapPost(HubUploadUrls.Route + "{token}", Verify).AllowAnonymous().WithTags("hub").WithSummary("Whether the object is there")
            .WithMetadata(HandlesIdempotency.Instance).Audited(AuditMode.Never);
    }

    private static async Task<IResult> Create(HttpContext context, HubPush push, CancellationToken ct)
    {
        var request = await ReadAsync<CreateRequest>(context.Request, MaxJson, ct);
        if (request.Type is not (null or "model")) throw new GridException(ErrorCodes.InvalidValue, $"type must be 'model', not '{request.Type}'.", "type");
        if (request.Files is { ValueKind: JsonValueKind.Array } files && files.GetArrayLength() > 0)
            throw new GridException(ErrorCodes.InvalidValue, "files must be left out; send them by a commit.", "files");
        var parts = (request.Name ?? "").Split('/', 2);
        var target = TargetOf(context, new HubAddress(parts.Length == 2 ? parts[0] : request.Organization, parts[^1], HubRepo.Main, ""));
        if (await push.ExistingAsync(target) is not null) throw new GridException(ErrorCodes.AlreadyExists, $"There is a repository '{target}' already.", "name");
        return Results.Json(new { Url = $"{HubPaging.Root(context.Request)}/{target}", Name = target.ToString(), Id = target.ToString() }, HubViews.Json);
    }

    private static async Task<IResult> Preupload(HttpContext context, HubAddress address, CancellationToken ct)
    {
        RequireMain(context, address);
        TargetOf(context, address);
        var request = await ReadAsync<PreuploadRequest>(context.Request, MaxJson, ct);
        if (request.Files is not { Length: <= MaxObjects } files) throw new GridException(ErrorCodes.InvalidRequest, $"files is required: at most {MaxObjects} files.", "files");
        return Results.Json(new { Files = files.Select(ModeOf).ToList() }, HubViews.Json);
    }

    private static object ModeOf(PreuploadFile file)
    {
        FileUpload.CheckPath(file.Path ?? "");
        var regular = file.Size <= MaxRegular && Texts.Contains(Path.GetExtension(file.Path), StringComparer.OrdinalIgnoreCase);
        return new { file.Path, UploadMode = regular ? "regular" : "lfs", ShouldIgnore = HubPush.IsIgnored(file.Path!) };
    }

    private static async Task<IResult> Batch(HttpContext context, HubPush push, HubUploadUrls urls, GatewayOptions options, HubAddress address, CancellationToken ct)
    {
        var target = TargetOf(context, address);
        var request = await ReadAsync<BatchRequest>(context.Request, MaxJson, ct);
        if (request.Operation != "upload") throw new GridException(ErrorCodes.InvalidValue, "operation must be 'upload'; files are downloaded from /resolve/.", "operation");
        if (request.Objects is not { Length: <= MaxObjects } objects) throw new GridException(ErrorCodes.InvalidRequest, $"objects is required: at most {MaxObjects} objects.", "objects");
        var answers = new List<object>();
        foreach (var item in objects)
        {
            if (!HubCommit.IsDigest(item.Oid) || item.Size < 0) throw new GridException(ErrorCodes.InvalidValue, "An object is named by oid, 64 lower-case hexadecimal digits, and size.", "objects");
            if (item.Size > options.MaxFileBytes) throw new GridException(ErrorCodes.TooLarge, $"A file may have at most {options.MaxFileBytes} bytes; {item.Size} were announced.", "objects");
            var key = HubPush.KeyOf(target, item.Oid!);
            var href = HubPaging.Root(context.Request) + urls.PathOf(new HubUpload(target.Org, key, item.Oid!, item.Size));
            var action = new { Href = href, ExpiresIn = (int)HubUploadUrls.Lifetime.TotalSeconds };
            answers.Add(await push.HasAsync(key, item.Size, ct) ? new { item.Oid, item.Size } : new { item.Oid, item.Size, Authenticated = true, Actions = new { Upload = action, Verify = action } });
        }
        return Results.Json(new { Transfer = "basic", HashAlgo = "sha256", Objects = answers }, LfsJson, "application/vnd.git-lfs+json");
    }

    private static async Task<IResult> Receive(HttpContext context, HubPush push, HubUploadUrls urls, string token, CancellationToken ct)
    {
        var upload = urls.Open(token);
        if (context.Request.ContentLength is { } length && length != upload.Size)
            throw new GridException(ErrorCodes.InvalidValue, $"{upload.Size} bytes were announced for this address, not {length}.", "Content-Length");
        await push.ReceiveAsync(upload, context.Request.Body, ct);
        context.Response.Headers.ETag = $"\"{upload.Sha256}\"";
        return Results.Ok();
    }

    private static async Task<IResult> Verify(HubPush push, HubUploadUrls urls, string token, CancellationToken ct)
    {
        var upload = urls.Open(token);
        return await push.HasAsync(upload.Key, upload.Size, ct) ? Results.Ok() : throw new GridException(ErrorCodes.NotFound, $"The object {upload.Sha256} has not arrived; send it again.", "path");
    }

    private static async Task<IResult> Commit(HttpContext context, HubPush push, HubAddress address, CancellationToken ct)
    {
        RequireMain(context, address);
        var target = TargetOf(context, address);
        var sha = await push.CommitAsync(target, HubCommit.Parse(await BytesAsync(context.Request, MaxCommit, ct)), ct);
        return Results.Json(new { Success = true, CommitOid = sha, CommitUrl = $"{HubPaging.Root(context.Request)}/{target}/commit/{sha}", HookOutput = "" }, HubViews.Json);
    }

    /// <summary>The Python client asks before it pushes a README.md.</summary>
    private static async Task<IResult> ValidateYaml(HttpContext context, CancellationToken ct)
    {
        var lines = (await ReadAsync<YamlRequest>(context.Request, MaxJson, ct)).Content?.ReplaceLineEndings("\n").Split('\n') ?? [];
        var open = lines is ["---", ..] && Array.IndexOf(lines, "---", 1) < 0;
        var errors = open ? new[] { new { Message = "The front matter begins with --- but has no closing ---." } } : [];
        return Results.Json(new { Errors = errors, Warnings = Array.Empty<object>() }, HubViews.Json, statusCode: open ? StatusCodes.Status400BadRequest : StatusCodes.Status200OK);
    }

    private static readonly JsonSerializerOptions LfsJson = new(HubViews.Json) { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    private static HubTarget TargetOf(HttpContext context, HubAddress address) =>
        new(context.Caller(), NameResolver.OrgForWrite(context.Caller(), address.Org), Names.Check(address.Name, "name"));

    private static void RequireMain(HttpContext context, HubAddress address)
    {
        if (context.Request.Query["create_pr"].ToString() is "1" or "true" or "True")
            throw new GridException(ErrorCodes.InvalidValue, "create_pr: the grid has no pull requests; push to main, which registers a version.", "create_pr");
        if (Uri.UnescapeDataString(address.Revision) is not (HubRepo.Main or "refs/heads/" + HubRepo.Main))
            throw new GridException(ErrorCodes.InvalidValue, $"Pushes go to {HubRepo.Main}, not to '{address.Revision}'; the grid numbers the versions.", "revision");
    }

    private static async Task<T> ReadAsync<T>(HttpRequest request, int most, CancellationToken ct) =>
        JsonSerializer.Deserialize<T>(await BytesAsync(request, most, ct), HubViews.Json) ?? throw new GridException(ErrorCodes.InvalidJson, "The body must be a JSON object.");

    private static async Task<byte[]> BytesAsync(HttpRequest request, int most, CancellationToken ct)
    {
        var buffer = new MemoryStream();
        var chunk = new byte[64 << 10];
        int read;
        while ((read = await request.Body.ReadAsync(chunk, ct)) > 0)
        {
            if (buffer.Length + read > most) throw new GridException(ErrorCodes.TooLarge, $"The body may have at most {most} bytes.");
            buffer.Write(chunk, 0, read);
        }
        return buffer.ToArray();
    }
}
