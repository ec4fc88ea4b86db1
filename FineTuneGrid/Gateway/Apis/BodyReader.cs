using System.Text.Json;
using FineTuneGrid.Contracts;

namespace FineTuneGrid.Gateway.Apis;

/// <summary>Small JSON bodies, read strictly: unknown members are refused by name.</summary>
internal static class BodyReader
{
    private const int MaxBytes = 1 << 20;

    private static readonly JsonSerializerOptions Strict = new(GridJson.Options)
    {
        UnmappedMemberHandling = System.Text.Json.Serialization.JsonUnmappedMemberHandling.Disallow,
        MaxDepth = 32,
    };

    public static async Task<byte[]> ReadAsync(HttpRequest request, int maxBytes, CancellationToken ct)
    {
        if (request.ContentType is { } type && !type.StartsWith("application/json", StringComparison.OrdinalIgnoreCase))
            throw new GridException(ErrorCodes.InvalidRequest, $"The content type '{type}' is not supported here; send application/json.", "Content-Type");
        var buffer = new MemoryStream();
        var chunk = new byte[16 << 10];
        int read;
        while ((read = await request.Body.ReadAsync(chunk, ct)) > 0)
        {
            if (buffer.Length + read > maxBytes) throw new GridException(ErrorCodes.TooLarge, $"The body may have at most {maxBytes} bytes.");
            buffer.Write(chunk, 0, read);
        }
        return buffer.ToArray();
    }

    /// <summary>The body as <typeparamref name="T"/>; an empty body counts as <c>{}</c>.</summary>
    public static async Task<T> ReadJsonAsync<T>(HttpRequest request, CancellationToken ct)
    {
        var bytes = await ReadAsync(request, MaxBytes, ct);
        using var document = Parse(bytes.Length == 0 ? "{}"u8.ToArray() : bytes);
        var names = typeof(T).GetProperties().Select(p => JsonNamingPolicy.SnakeCaseLower.ConvertName(p.Name)).ToList();
        if (document.RootElement.ValueKind == JsonValueKind.Object
            && document.RootElement.EnumerateObject().Select(p => p.Name).FirstOrDefault(n => !names.Contains(n)) is { } unknown)
            throw new GridException(ErrorCodes.UnknownField, $"{unknown} is not a known field{Spelling.Advice(unknown, names)}", unknown);
        try
        {
            return document.RootElement.Deserialize<T>(Strict) ?? throw new GridException(ErrorCodes.InvalidJson, "The body must be a JSON object.");
        }
        catch (JsonException e)
        {
            // The exception's own text speaks of types that mean nothing to a caller.
            var field = e.Path?.TrimStart('$', '.') is { Length: > 0 } path ? path : null;
            throw new GridException(ErrorCodes.InvalidJson, field is null
                ? $"The body must be a JSON object; known fields are {string.Join(", ", names)}."
                : $"{field} is unknown here, or of another type than it should be; known fields are {string.Join(", ", names)}.", field, e);
        }
    }

    private static JsonDocument Parse(byte[] bytes)
    {
        try
        {
            return JsonDocument.Parse(bytes, new JsonDocumentOptions { MaxDepth = Strict.MaxDepth, AllowDuplicateProperties = false });
        }
        catch (JsonException e)
        {
            throw new GridException(ErrorCodes.InvalidJson, $"The body is not valid JSON: {e.Message}", inner: e);
        }
    }
}
