using System.Collections;

namespace TorchSharp.Utils;

/// <summary>A CPU tensor's elements in row-major order, whatever its strides.</summary>
public sealed class TensorAccessor<T> : IDisposable, IEnumerable<T>
    where T : unmanaged
{
    private readonly torch.Tensor _tensor;
    private readonly long[] _shape;
    private readonly long[] _strides;
    private readonly nint _data;
    private readonly bool _contiguous;

    internal TensorAccessor(torch.Tensor tensor)
    {
        _tensor = tensor;
        _shape = tensor.shape;
        _strides = tensor.stride();
        _contiguous = tensor.is_contiguous();
        Count = tensor.NumberOfElements;
        _data = Count == 0 ? 0 : tensor.RawPointer();
    }

    public long Count { get; }

    public unsafe T this[params long[] indices]
    {
        get => *Address(indices);
        set => *Address(indices) = value;
    }

    public T[] ToArray()
    {
        var result = new T[Count];
        CopyTo(result);
        return result;
    }

    public unsafe void CopyTo(T[] array, int arrayIndex = 0, long tensorIndex = 0)
    {
        var n = Math.Min(Count - tensorIndex, array.Length - arrayIndex);
        if (_contiguous && n > 0)
        {
            new ReadOnlySpan<T>((T*)_data + tensorIndex, checked((int)n)).CopyTo(array.AsSpan(arrayIndex));
        }
        else
        {
            for (long i = 0; i < n; i++)
                array[arrayIndex + i] = *Linear(tensorIndex + i);
        }

        GC.KeepAlive(_tensor);
    }

    public unsafe void CopyFrom(T[] array, int arrayIndex = 0, long tensorIndex = 0)
    {
        var n = Math.Min(Count - tensorIndex, array.Length - arrayIndex);
        for (long i = 0; i < n; i++)
            *Linear(tensorIndex + i) = array[arrayIndex + i];
        GC.KeepAlive(_tensor);
    }

    public IEnumerator<T> GetEnumerator()
    {
        for (long i = 0; i < Count; i++)
            yield return ValueAt(i);
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    public void Dispose()
    {
        // The tensor owns the memory.
    }

    private unsafe T ValueAt(long i) => *Linear(i);

    private unsafe T* Address(long[] indices)
    {
        if (indices.Length == 1 && _shape.Length != 1)
            return Linear(indices[0]);
        if (indices.Length != _shape.Length)
            throw new ArgumentException($"{indices.Length} indices given for {_shape.Length} dimensions.");
        long offset = 0;
        for (var d = 0; d < indices.Length; d++)
        {
            if (indices[d] < 0 || indices[d] >= _shape[d])
                throw new IndexOutOfRangeException();
            offset += indices[d] * _strides[d];
        }

        return (T*)_data + offset;
    }

    private unsafe T* Linear(long index)
    {
        if (index < 0 || index >= Count)
            throw new IndexOutOfRangeException();
        if (_contiguous)
            return (T*)_data + index;
        long offset = 0;
        for (var d = _shape.Length - 1; d >= 0; d--)
        {
            offset += index % _shape[d] * _strides[d];
            index /= _shape[d];
        }

        return (T*)_data + offset;
    }
}
