using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using FineTuneGrid.Contracts;
using FineTuneGrid.Gateway.Access;

namespace FineTuneGrid.Gateway.Idempotency;

/// <summary>A POST that takes care of its Idempotency-Key itself.</summary>
public sealed class HandlesIdempotency
{
    public static readonly HandlesIdempotency Instance = new();
}

/// <summary>
/// Every POST below <c>/api/</c> and OpenAI's of fine-tuning may carry an Idempotency-Key: the same caller, key and request get the first successful answer
/// again, without the work; another request under the key is refused. A repetition that comes while the first is worked on waits
/// for it. Where a crash came between work and answer the work is done again: each POST is safe to repeat, what is only repeated
/// safely with an id of the first time (jobs, keys) claims that durably beforehand.
/// </summary>
public sealed class IdempotentPosts(ReplyStore replies)
{
    public const string Header = "Idempotency-Key";
    public const string ReplayedHeader = "Idempotency-Replayed";
    private const int MaxKeyLength = 255;
    private const int MaxBodyBytes = 4 << 20;

    private static readonly string[] Roots = ["/api/", "/v1/fine_tuning/"];

    private readonly ConcurrentDictionary<string, Task> _working = new();

    /// <summary>Null where the request has none.</summary>
    public static string? KeyOf(HttpRequest request) => request.Headers[Header].ToString() is { Length: > 0 } key ? key : null;

    public async Task InvokeAsync(HttpContext context, RequestDelegate next)
    {
        if (KeyOf(context.Request) is not { } key || !HttpMethods.IsPost(context.Request.Method) || context.GetEndpoint() is not RouteEndpoint endpoint
            || !Roots.Any(root => endpoint.RoutePattern.RawText?.StartsWith(root, StringComparison.Ordinal) == true))
        {
            await next(context);
            return;
        }
        if (key.Length > MaxKeyLength) throw new GridException(ErrorCodes.InvalidValue, $"{Header} may have at most {MaxKeyLength} characters.", Header);
        if (endpoint.Metadata.GetMetadata<HandlesIdempotency>() is not null) await next(context);
        else await OnceAsync(context, next, ReplyStore.NameOf(context.Caller().KeyId, key));
    }

    private async Task OnceAsync(HttpContext context, RequestDelegate next, string name)
    {
        var digest = await DigestAsync(context);
        var mine = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        while (_working.GetOrAdd(name, mine.Task) is var running && running != mine.Task) await running.WaitAsync(context.RequestAborted);
        try
        {
            if (await replies.FindAsync(name, context.RequestAborted) is { } reply) await ReplayAsync(context, reply, digest);
            else await RecordAsync(context, next, name, digest);
        }
        finally
        {
            _working.TryRemove(name, out _);
            mine.SetResult();
        }
    }

    private async Task RecordAsync(HttpContext context, RequestDelegate next, string name, string digest)
    {
        var (body, answer) = (context.Response.Body, new MemoryStream());
        context.Response.Body = answer;
        try
        {
            await next(context);
        }
        finally
        {
            context.Response.Body = body;
        }
        var bytes = answer.ToArray();
        // A refusal is no result: the caller may mend what was wrong and come again with the same key.
        if (context.Response.StatusCode is >= 200 and < 300)
            await replies.KeepAsync(name, new StoredReply(digest, context.Response.StatusCode, context.Response.ContentType, context.Response.Headers.Location, bytes));
        if (bytes.Length > 0) await body.WriteAsync(bytes, context.RequestAborted);
    }

    private static async Task ReplayAsync(HttpContext context, StoredReply reply, string digest)
    {
        if (reply.RequestDigest != digest)
            throw new GridException(ErrorCodes.IdempotencyMismatch, $"This {Header} was used with another request; use a new key for a new one.", Header);
        context.Response.StatusCode = reply.Status;
        context.Response.ContentType = reply.ContentType;
        if (reply.Location is not null) context.Response.Headers.Location = reply.Location;
        context.Response.Headers[ReplayedHeader] = "true";
        if (reply.Body.Length > 0) await context.Response.Body.WriteAsync(reply.Body, context.RequestAborted);
    }

    private static async Task<string> DigestAsync(HttpContext context)
    {
        context.Request.EnableBuffering(MaxBodyBytes);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.UTF8.GetBytes($"{context.Request.Method} {context.Request.Path}{context.Request.QueryString}\n"));
        var chunk = new byte[16 << 10];
        int read;
        while ((read = await context.Request.Body.ReadAsync(chunk, context.RequestAborted)) > 0) hash.AppendData(chunk, 0, read);
        context.Request.Body.Position = 0;
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
