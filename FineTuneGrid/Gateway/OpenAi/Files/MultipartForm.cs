using System.Text;
using FineTuneGrid.Contracts;
using FineTuneGrid.Gateway.Assets;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Net.Http.Headers;

namespace FineTuneGrid.Gateway.OpenAi.Files;

/// <summary>A body of <c>multipart/form-data</c>, read part by part as it arrives: no more of it than a buffer is in memory.</summary>
internal sealed class MultipartForm
{
    private const string MediaType = "multipart/form-data";
    private const int BufferBytes = 64 << 10;
    private const int MaxBoundary = 70;
    private const int MaxParts = 16;

    private readonly MultipartReader _reader;
    private int _parts;

    private MultipartForm(MultipartReader reader) => _reader = reader;

    /// <exception cref="GridException"><c>invalid_request</c>: the body is something else.</exception>
    public static MultipartForm Open(HttpRequest request)
    {
        var boundary = MediaTypeHeaderValue.TryParse(request.ContentType, out var type) && type.MediaType.Equals(MediaType, StringComparison.OrdinalIgnoreCase)
            ? HeaderUtilities.RemoveQuotes(type.Boundary).ToString() : "";
        return boundary.Length is > 0 and <= MaxBoundary
            ? new MultipartForm(new MultipartReader(boundary, request.Body, BufferBytes))
            : throw new GridException(ErrorCodes.InvalidRequest, $"The content type must be {MediaType} with a boundary, not '{request.ContentType}'.", "Content-Type");
    }

    /// <summary>The next part; null after the last. What was left of the one before is skipped.</summary>
    public async Task<FormPart?> NextAsync(CancellationToken ct)
    {
        if (await FormBody.GuardAsync(() => _reader.ReadNextSectionAsync(ct)) is not { } section) return null;
        if (++_parts > MaxParts) throw new GridException(ErrorCodes.InvalidRequest, $"The form may have at most {MaxParts} parts.");
        if (!ContentDispositionHeaderValue.TryParse(section.ContentDisposition, out var disposition) || HeaderUtilities.RemoveQuotes(disposition.Name) is not { Length: > 0 } name)
            throw new GridException(ErrorCodes.InvalidRequest, "Each part of the form needs a Content-Disposition of form-data with a name.", "Content-Disposition");
        var file = disposition.FileNameStar.HasValue ? disposition.FileNameStar : HeaderUtilities.RemoveQuotes(disposition.FileName);
        return new FormPart(name.ToString(), file.Value, new FormBody(section.Body));
    }
}

/// <param name="FileName">Null where the part is a plain field.</param>
internal sealed record FormPart(string Name, string? FileName, Stream Body)
{
    private const int MaxFieldBytes = 4096;

    /// <summary>The text of a plain field.</summary>
    public async Task<string> TextAsync(CancellationToken ct)
    {
        var bytes = new byte[MaxFieldBytes + 1];
        var count = await Body.ReadAtLeastAsync(bytes, bytes.Length, throwOnEndOfStream: false, ct);
        return count <= MaxFieldBytes ? Encoding.UTF8.GetString(bytes, 0, count)
            : throw new GridException(ErrorCodes.TooLarge, $"{Name} may have at most {MaxFieldBytes} bytes.", Name);
    }
}

/// <summary>A part's bytes. What is wrong with the form is a fault of its sender, not of the disk that the bytes go to.</summary>
internal sealed class FormBody(Stream section) : ForwardStream
{
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        await GuardAsync(() => section.ReadAsync(buffer, cancellationToken).AsTask());

    public static async Task<T> GuardAsync<T>(Func<Task<T>> read)
    {
        try
        {
            return await read();
        }
        catch (IOException e)
        {
            throw new GridException(ErrorCodes.InvalidRequest, "The form ends before its closing boundary; send it again, whole.", inner: e);
        }
        catch (InvalidDataException e)
        {
            throw new GridException(ErrorCodes.InvalidRequest, $"The form's parts cannot be read: {e.Message}", inner: e);
        }
    }
}
