using FineTuneGrid.Contracts;

namespace FineTuneGrid.Storage.Tests;

public enum Fault
{
    /// <summary>No space left; nothing was written.</summary>
    DiskFull,

    /// <summary>The request never arrived.</summary>
    TimeoutBefore,

    /// <summary>The request took effect, its answer was lost.</summary>
    TimeoutAfter,

    /// <summary>Answered 503 without effect.</summary>
    Unavailable,

    /// <summary>A precondition failed that held.</summary>
    SpuriousConflict,

    /// <summary>A request that took effect was repeated below us, so that our own write is in its way.</summary>
    ConflictAfterEffect,

    /// <summary>A read ends early.</summary>
    TruncatedRead,

    /// <summary>One bit of a read is wrong.</summary>
    FlippedRead,

    /// <summary>What is stored ends early.</summary>
    TruncatedWrite,

    /// <summary>One bit of what is stored is wrong.</summary>
    FlippedWrite,
}

/// <summary>Passes everything on, except that operation number <paramref name="at"/> meets the fault, if the fault applies to it.</summary>
public sealed class FaultyBlobStore(IBlobStore inner, Fault fault, int at) : IBlobStore
{
    public int Operations { get; private set; }

    public bool Fired { get; private set; }

    public async ValueTask<BlobInfo?> StatAsync(string key, CancellationToken cancellation = default)
    {
        if (Now())
            ThrowBefore();
        return await inner.StatAsync(key, cancellation);
    }

    public async Task<BlobContent?> OpenReadAsync(string key, long offset = 0, long? length = null, CancellationToken cancellation = default)
    {
        var now = Now();
        if (now)
            ThrowBefore();
        var content = await inner.OpenReadAsync(key, offset, length, cancellation);
        if (!now || content is null || content.Info.Length == 0 || fault is not (Fault.TruncatedRead or Fault.FlippedRead))
            return content;
        Fired = true;
        await using (content)
            return new BlobContent(content.Info, new MemoryStream(Damage(await BytesAsync(content.Stream, cancellation))));
    }

    public async Task<BlobInfo> WriteAsync(string key, Stream content, WriteCondition condition = default, CancellationToken cancellation = default)
    {
        var now = Now();
        if (now)
        {
            if (fault == Fault.DiskFull)
                Throw(new GridException(ErrorCodes.InsufficientStorage, "The disk is full (injected)."));
            if (fault == Fault.SpuriousConflict && condition != WriteCondition.None)
                Throw(new BlobConflictException(key, condition, null));
            ThrowBefore();
        }
        if (now && fault is Fault.TruncatedWrite or Fault.FlippedWrite)
        {
            Fired = true;
            content = new MemoryStream(Damage(await BytesAsync(content, cancellation)));
        }
        var info = await inner.WriteAsync(key, content, condition, cancellation);
        if (now && fault == Fault.ConflictAfterEffect && condition != WriteCondition.None)
            Throw(new BlobConflictException(key, condition, info.ETag));
        ThrowAfter(now);
        return info;
    }

    public async Task<bool> DeleteAsync(string key, string? ifMatch = null, CancellationToken cancellation = default)
    {
        var now = Now();
        if (now)
            ThrowBefore();
        var deleted = await inner.DeleteAsync(key, ifMatch, cancellation);
        ThrowAfter(now);
        return deleted;
    }

    public IAsyncEnumerable<BlobInfo> ListAsync(string prefix, CancellationToken cancellation = default)
    {
        if (Now())
            ThrowBefore();
        return inner.ListAsync(prefix, cancellation);
    }

    public Task<LocalFile?> OpenLocalAsync(string key, CancellationToken cancellation = default) => inner.OpenLocalAsync(key, cancellation);

    private bool Now() => Operations++ == at;

    private void ThrowBefore()
    {
        if (fault == Fault.TimeoutBefore)
            Throw(new TimeoutException("timed out (injected)"));
        if (fault == Fault.Unavailable)
            Throw(new GridException(ErrorCodes.Unavailable, "503 (injected)."));
    }

    private void ThrowAfter(bool now)
    {
        if (now && fault == Fault.TimeoutAfter)
            Throw(new IOException("connection reset (injected)"));
    }

    private void Throw(Exception e)
    {
        Fired = true;
        throw e;
    }

    private byte[] Damage(byte[] bytes)
    {
        if (fault is Fault.TruncatedRead or Fault.TruncatedWrite)
            return bytes[..(bytes.Length / 2)];
        bytes[bytes.Length * 2 / 3] ^= 0x10;
        return bytes;
    }

    private static async Task<byte[]> BytesAsync(Stream stream, CancellationToken cancellation)
    {
        using var buffer = new MemoryStream();
        await stream.CopyToAsync(buffer, cancellation);
        return buffer.ToArray();
    }
}
