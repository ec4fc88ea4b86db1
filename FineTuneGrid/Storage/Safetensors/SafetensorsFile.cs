using System.IO.MemoryMappedFiles;
using FineTuneGrid.Contracts;
using Microsoft.Win32.SafeHandles;

namespace FineTuneGrid.Storage;

/// <summary>
/// A safetensors file mapped into memory, its header checked. Spans and addresses are valid until it is disposed. The file
/// must not shrink while mapped; the store's versions never change.
/// </summary>
public sealed unsafe class SafetensorsFile : IDisposable
{
    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _view;
    private readonly byte* _start;
    private bool _disposed;

    private SafetensorsFile(string name, MemoryMappedFile file, long length, SafetensorsProfile profile)
    {
        Name = name;
        _file = file;
        _view = file.CreateViewAccessor(0, length, MemoryMappedFileAccess.Read);
        try
        {
            _view.SafeMemoryMappedViewHandle.AcquirePointer(ref _start);
            _start += _view.PointerOffset;
            var readable = (int)Math.Min(length, profile.MaxHeaderBytes + 8);
            Header = SafetensorsHeader.Read(new ReadOnlySpan<byte>(_start, readable), length, name, profile);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>For messages.</summary>
    public string Name { get; }

    public SafetensorsHeader Header { get; } = null!;

    /// <exception cref="GridException">invalid_safetensors; not_found where there is no such file.</exception>
    public static SafetensorsFile Open(string path, SafetensorsProfile? profile = null)
    {
        try
        {
            using var handle = File.OpenHandle(path);
            return Open(handle, Path.GetFileName(path), profile);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new GridException(ErrorCodes.NotFound, $"The file '{Path.GetFileName(path)}' does not exist.", Path.GetFileName(path), e);
        }
    }

    /// <summary>Maps an open file; the handle may be closed afterwards.</summary>
    public static SafetensorsFile Open(SafeFileHandle handle, string name, SafetensorsProfile? profile = null)
    {
        var length = RandomAccess.GetLength(handle);
        if (length == 0)
            throw SafetensorsFault.Of(name, "is empty; upload it again");
        var file = MemoryMappedFile.CreateFromFile(handle, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: true);
        try
        {
            return new SafetensorsFile(name, file, length, profile ?? SafetensorsProfile.General);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>The tensor's bytes where they are mapped; not necessarily aligned to the element size.</summary>
    public nint AddressOf(SafetensorsTensor tensor)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (!ReferenceEquals(Header.Find(tensor.Name), tensor))
            throw new ArgumentException($"The tensor '{tensor.Name}' is not one of '{Name}'.", nameof(tensor));
        return (nint)(_start + Header.DataOffset + tensor.Offset);
    }

    /// <summary>As <see cref="AddressOf"/>, for tensors below 2 GiB.</summary>
    public ReadOnlySpan<byte> BytesOf(SafetensorsTensor tensor) => new((void*)AddressOf(tensor), checked((int)tensor.Length));

    /// <summary>The tensor of that name.</summary>
    /// <exception cref="GridException">invalid_safetensors: the file has no such tensor.</exception>
    public SafetensorsTensor Get(string tensor) =>
        Header.Find(tensor) ?? throw SafetensorsFault.Of(Name, $"has no tensor {SafetensorsFault.Quote(tensor)}");

    public void Dispose()
    {
        if (_disposed)
            return;
        _disposed = true;
        if (_start is not null)
            _view.SafeMemoryMappedViewHandle.ReleasePointer();
        _view.Dispose();
        _file.Dispose();
    }
}
