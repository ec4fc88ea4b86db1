using FineTuneGrid.Contracts.Access;
using FineTuneGrid.Contracts;
using FineTuneGrid.Gateway.Access;
using FineTuneGrid.Gateway.Apis;
using FineTuneGrid.Gateway.Assets;
using FineTuneGrid.Gateway.Audit;
using FineTuneGrid.Gateway.Idempotency;
using FineTuneGrid.Gateway.OpenAi.Files;
using FineTuneGrid.Gateway.Problems;

namespace FineTuneGrid.Gateway.OpenAi.Uploads;

/// <summary>OpenAI's <c>/v1/uploads</c>: files too large for one request, in parts of up to 64 MiB that may come in any order.</summary>
public static class UploadsApi
{
    /// <summary>Room for boundaries and headers beside the part.</summary>
    private const long FormBytes = 64 << 10;

    private sealed record CompleteRequest(string[]? PartIds = null, string? Md5 = null);

    private sealed record UploadObject(
        string Id, string Object, long Bytes, long CreatedAt, string Filename, string Purpose, string Status, long ExpiresAt, object? File);

    public static void MapUploads(this IEndpointRouteBuilder routes)
    {
        var uploads = routes.MapGroup("/v1/uploads").WithTags("openai").RequireAuthorization(Policies.Member).WithErrors(ErrorForm.OpenAi).InArea(KeyScopes.Registry);
        uploads.MapPost("", Create).WithSummary("OpenAI's uploads: begin a file that comes in parts");
        uploads.MapPost("/{id}/parts", AddPart).WithSummary("OpenAI's uploads: send a part, as multipart/form-data").DisableRequestLimits().WithMetadata(HandlesIdempotency.Instance).Audited(AuditMode.Soon);
        uploads.MapPost("/{id}/complete", Complete).WithSummary("OpenAI's uploads: make the file of its parts");
        uploads.MapPost("/{id}/cancel", Cancel).WithSummary("OpenAI's uploads: end one without a file");
    }

    private static async Task<IResult> Create(HttpContext context, UploadStore uploads, TimeProvider time, CancellationToken ct)
    {
        var request = await BodyReader.ReadJsonAsync<UploadRequest>(context.Request, ct);
        return View(await uploads.CreateAsync(OrganisationOf(context), request, ct), null, time);
    }

    private static async Task<IResult> AddPart(HttpContext context, UploadStore uploads, TimeProvider time, string id, CancellationToken ct)
    {
        if (context.Request.ContentLength > UploadRules.MaxPartBytes + FormBytes)
            throw new GridException(ErrorCodes.TooLarge, $"A part may have at most {UploadRules.MaxPartBytes} bytes; {context.Request.ContentLength} were announced.", "data");
        var form = MultipartForm.Open(context.Request);
        var part = await form.NextAsync(ct);
        if (part?.Name != "data") throw new GridException(ErrorCodes.MissingField, "data is required: one part of the form, with the bytes.", "data");
        var partId = await uploads.AddPartAsync(OrganisationOf(context), id, part.Body, ct);
        if (await form.NextAsync(ct) is { } more) throw FileForm.Twice(more.Name);
        return Results.Json(new { Id = partId, Object = "upload.part", CreatedAt = time.GetUtcNow().ToUnixTimeSeconds(), UploadId = id }, GridJson.Options);
    }

    private static async Task<IResult> Complete(HttpContext context, UploadStore uploads, TimeProvider time, string id, CancellationToken ct)
    {
        var request = await BodyReader.ReadJsonAsync<CompleteRequest>(context.Request, ct);
        var (upload, file) = await uploads.CompleteAsync(OrganisationOf(context), id, request.PartIds, request.Md5, ct);
        return View(upload, file, time);
    }

    private static async Task<IResult> Cancel(HttpContext context, UploadStore uploads, TimeProvider time, string id, CancellationToken ct) =>
        View(await uploads.CancelAsync(OrganisationOf(context), id, ct), null, time);

    private static IResult View(UploadRecord upload, FileEntry? file, TimeProvider time) => Results.Json(
        new UploadObject(upload.Id, "upload", upload.Bytes, upload.CreatedAt.ToUnixTimeSeconds(), upload.Filename, upload.Purpose, UploadRules.StatusOf(upload, time.GetUtcNow()),
            upload.ExpiresAt.ToUnixTimeSeconds(), file is null ? null : FileViews.Of(file)), GridJson.Options);

    private static string OrganisationOf(HttpContext context) => NameResolver.OrgForWrite(context.Caller(), null);
}
