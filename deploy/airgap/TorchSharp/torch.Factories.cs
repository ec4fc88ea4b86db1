using System.Runtime.InteropServices;

namespace TorchSharp;

public static unsafe partial class torch
{
    public static Tensor empty(long[] size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false)
    {
        fixed (long* p = size)
            return Made(Native.gt_empty(p, size.Length, Type(dtype), Kind(device), Index(device)), requires_grad);
    }

    public static Tensor empty(long size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        empty([size], dtype, device, requires_grad);

    public static Tensor empty(long rows, long columns, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        empty([rows, columns], dtype, device, requires_grad);

    public static Tensor full(long[] size, Scalar value, ScalarType? dtype = null, Device? device = null, bool requires_grad = false)
    {
        fixed (long* p = size)
            return Made(Native.gt_full(p, size.Length, value.Value, Type(dtype), Kind(device), Index(device)), requires_grad);
    }

    public static Tensor zeros(long[] size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        full(size, 0L, dtype, device, requires_grad);

    public static Tensor zeros(long size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        zeros([size], dtype, device, requires_grad);

    public static Tensor zeros(long rows, long columns, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        zeros([rows, columns], dtype, device, requires_grad);

    public static Tensor zeros(long dim0, long dim1, long dim2, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        zeros([dim0, dim1, dim2], dtype, device, requires_grad);

    public static Tensor ones(long[] size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        full(size, 1L, dtype, device, requires_grad);

    public static Tensor ones(long size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        ones([size], dtype, device, requires_grad);

    public static Tensor ones(long rows, long columns, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        ones([rows, columns], dtype, device, requires_grad);

    public static Tensor arange(Scalar start, Scalar stop, Scalar step, ScalarType? dtype = null, Device? device = null, bool requires_grad = false)
    {
        // Whole-number bounds give int64, as PyTorch does.
        var type = dtype ?? (start.Value.Kind == 1 || stop.Value.Kind == 1 || step.Value.Kind == 1 ? ScalarType.Float32 : ScalarType.Int64);
        return Made(Native.gt_arange(start.Value, stop.Value, step.Value, (int)type, Kind(device), Index(device)), requires_grad);
    }

    public static Tensor arange(Scalar start, Scalar stop, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        arange(start, stop, 1L, dtype, device, requires_grad);

    public static Tensor arange(Scalar stop, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        arange(0L, stop, 1L, dtype, device, requires_grad);

    public static void manual_seed(long seed)
    {
        if (Native.gt_manual_seed(seed) == 0)
            CheckForErrors();
    }

    public static Tensor rand(long[] size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false)
    {
        fixed (long* p = size)
            return Made(Native.gt_rand(p, size.Length, Type(dtype), Kind(device), Index(device)), requires_grad);
    }

    public static Tensor randn(long[] size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false)
    {
        fixed (long* p = size)
            return Made(Native.gt_randn(p, size.Length, Type(dtype), Kind(device), Index(device)), requires_grad);
    }

    public static Tensor tensor(float scalar, Device? device = null, bool requires_grad = false) =>
        Filled([scalar], [], ScalarType.Float32, null, device, requires_grad);

    public static Tensor tensor(long scalar, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        Filled([scalar], [], ScalarType.Int64, dtype, device, requires_grad);

    public static Tensor tensor(double scalar, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        Filled([scalar], [], ScalarType.Float64, dtype, device, requires_grad);

    public static Tensor tensor(float[] dataArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        Filled<float>(dataArray, [dataArray.Length], ScalarType.Float32, dtype, device, requires_grad);

    public static Tensor tensor(float[] dataArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        Filled<float>(dataArray, dimensions, ScalarType.Float32, dtype, device, requires_grad);

    public static Tensor tensor(double[] dataArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        Filled<double>(dataArray, [dataArray.Length], ScalarType.Float64, dtype, device, requires_grad);

    public static Tensor tensor(long[] dataArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        Filled<long>(dataArray, [dataArray.Length], ScalarType.Int64, dtype, device, requires_grad);

    public static Tensor tensor(long[] dataArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        Filled<long>(dataArray, dimensions, ScalarType.Int64, dtype, device, requires_grad);

    public static Tensor tensor(int[] dataArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        Filled<int>(dataArray, [dataArray.Length], ScalarType.Int32, dtype, device, requires_grad);

    public static Tensor tensor(bool[] dataArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        Filled<bool>(dataArray, [dataArray.Length], ScalarType.Bool, dtype, device, requires_grad);

    private static Tensor Filled<T>(ReadOnlySpan<T> values, ReadOnlySpan<long> size, ScalarType of, ScalarType? dtype, Device? device, bool requiresGrad)
        where T : unmanaged
    {
        long count = 1;
        foreach (var d in size)
            count = checked(count * d);
        if (count != values.Length)
            throw new ArgumentException($"{values.Length} values given for the shape [{string.Join(", ", size.ToArray())}].");
        Tensor made;
        fixed (T* v = values)
        {
            fixed (long* p = size)
                made = Tensor.Wrap(Native.gt_from_bytes(v, p, size.Length, (int)of));
        }

        var result = made;
        if ((dtype is { } wanted && wanted != of) || device is { type: not DeviceType.CPU })
        {
            result = made.to(dtype ?? of, device ?? CPU);
            made.Dispose();
        }

        return requiresGrad ? result.requires_grad_() : result;
    }

    private static Tensor Made(nint handle, bool requiresGrad)
    {
        var tensor = Tensor.Wrap(handle);
        return requiresGrad ? tensor.requires_grad_() : tensor;
    }

    private static int Type(ScalarType? dtype) => (int)(dtype ?? ScalarType.Float32);

    private static int Kind(Device? device) => (int)(device?.type ?? DeviceType.CPU);

    private static int Index(Device? device) => device?.index ?? -1;
}
