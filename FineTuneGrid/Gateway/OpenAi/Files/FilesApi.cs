using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Access;
using FineTuneGrid.Gateway.Access;
using FineTuneGrid.Gateway.Assets;
using FineTuneGrid.Gateway.Idempotency;
using FineTuneGrid.Gateway.Problems;
using FineTuneGrid.Gateway.Quotas;

namespace FineTuneGrid.Gateway.OpenAi.Files;

/// <summary>OpenAI's <c>/v1/files</c>. The bytes of a file go through to the store as they arrive.</summary>
public static class FilesApi
{
    /// <summary>Room for boundaries, headers and fields beside the file.</summary>
    private const long FormBytes = 64 << 10;

    public static void MapFiles(this IEndpointRouteBuilder routes)
    {
        var files = routes.MapGroup("/v1/files").WithTags("openai").WithErrors(ErrorForm.OpenAi).InArea(KeyScopes.Registry);
        files.MapPost("", Create).RequireAuthorization(Policies.Member).WithSummary("OpenAI's files: upload data for fine-tuning, as multipart/form-data")
            .DisableRequestLimits().WithMetadata(HandlesIdempotency.Instance);
        files.MapGet("", List).RequireAuthorization(Policies.Reader).WithSummary("OpenAI's files: the organisation's, newest first");
        files.MapGet("/{id}", Get).RequireAuthorization(Policies.Reader).WithSummary("OpenAI's files: one of them");
        files.MapGet("/{id}/content", Content).RequireAuthorization(Policies.Reader).WithSummary("OpenAI's files: the bytes, as they came");
        files.MapDelete("/{id}", Delete).RequireAuthorization(Policies.Member).WithSummary("OpenAI's files: delete one that no job needs");
    }

    /// <summary>Whose files a caller works with: an installation's admin with those that all share.</summary>
    internal static string OrganisationOf(Principal caller) => caller.Org ?? Names.SharedOrg;

    private static async Task<IResult> Create(HttpContext context, FileDrafts drafts, QuotaGate quotas, GatewayOptions options, CancellationToken ct)
    {
        var organisation = NameResolver.OrgForWrite(context.Caller(), null);
        var form = MultipartForm.Open(context.Request);
        var announced = context.Request.ContentLength;
        if (announced > options.MaxOpenAiFileBytes + FormBytes)
            throw new GridException(ErrorCodes.TooLarge, $"file may have at most {options.MaxOpenAiFileBytes} bytes; {announced} were announced. Larger ones come by /v1/uploads.", "file");
        using var room = await quotas.ReserveAsync(organisation, announced);
        await using var draft = drafts.Begin(organisation);
        var fields = new FileForm();
        while (await form.NextAsync(ct) is { } part)
        {
            if (part.Name != "file") fields.Take(part.Name, await part.TextAsync(ct));
            else if (draft.Received) throw FileForm.Twice("file");
            else await draft.ReceiveAsync(part.FileName, part.Body, options.MaxOpenAiFileBytes, room, null, ct);
        }
        var lifetime = fields.Complete();
        if (!draft.Received) throw new GridException(ErrorCodes.MissingField, "file is required: a part of the form with a file name and JSON lines.", "file");
        return Results.Json(FileViews.Of(await draft.KeepAsync(lifetime, ct)), GridJson.Options);
    }

    private static async Task<IResult> List(HttpContext context, FileStore files, CancellationToken ct)
    {
        var (found, more) = await files.ListAsync(OrganisationOf(context.Caller()), FileQuery.Read(context.Request.Query), ct);
        return Results.Json(FileViews.List(found, more), GridJson.Options);
    }

    private static async Task<IResult> Get(HttpContext context, FileStore files, string id, CancellationToken ct) =>
        Results.Json(FileViews.Of(await files.EntryAsync(OrganisationOf(context.Caller()), id, ct) ?? throw Missing(id)), GridJson.Options);

    private static async Task<IResult> Content(HttpContext context, FileStore files, StoredFiles stored, string id, CancellationToken ct)
    {
        var file = await files.ContentAsync(OrganisationOf(context.Caller()), id, ct) ?? throw Missing(id);
        return await stored.ResultAsync([file], file.Path, ct);
    }

    private static async Task<IResult> Delete(HttpContext context, FileStore files, string id, CancellationToken ct)
    {
        var organisation = NameResolver.OrgForWrite(context.Caller(), null);
        return await files.DeleteAsync(organisation, id, ct) ? Results.Json(FileViews.Deleted("file", id), GridJson.Options) : throw Missing(id);
    }

    private static GridException Missing(string id) => NameResolver.Missing("file", id);
}
