using System.Runtime.InteropServices;

namespace TorchSharp;

/// <summary>The shim's exports. Every failing one leaves its message in <see cref="gt_take_error"/>.</summary>
internal static unsafe partial class Native
{
    private const string Lib = "GridTorch";

    [DllImport(Lib)] internal static extern nint gt_take_error();
    [DllImport(Lib)] internal static extern nint gt_version();
    [DllImport(Lib)] internal static extern void gt_dispose(nint t);
    [DllImport(Lib)] internal static extern nint gt_alias(nint t);
    [DllImport(Lib)] internal static extern long gt_ndim(nint t);
    [DllImport(Lib)] internal static extern long gt_numel(nint t);
    [DllImport(Lib)] internal static extern long gt_element_size(nint t);
    [DllImport(Lib)] internal static extern int gt_dtype(nint t);
    [DllImport(Lib)] internal static extern int gt_device_type(nint t);
    [DllImport(Lib)] internal static extern int gt_device_index(nint t);
    [DllImport(Lib)] internal static extern int gt_is_contiguous(nint t);
    [DllImport(Lib)] internal static extern int gt_is_leaf(nint t);
    [DllImport(Lib)] internal static extern int gt_requires_grad(nint t);
    [DllImport(Lib)] internal static extern int gt_set_requires_grad(nint t, int on);
    [DllImport(Lib)] internal static extern nint gt_data(nint t);
    [DllImport(Lib)] internal static extern int gt_sizes(nint t, long* sizes);
    [DllImport(Lib)] internal static extern int gt_strides(nint t, long* strides);
    [DllImport(Lib)] internal static extern nint gt_empty(long* size, long n, int dtype, int device, int index);
    [DllImport(Lib)] internal static extern nint gt_full(long* size, long n, ScalarValue value, int dtype, int device, int index);
    [DllImport(Lib)] internal static extern nint gt_arange(ScalarValue start, ScalarValue stop, ScalarValue step, int dtype, int device, int index);
    [DllImport(Lib)] internal static extern nint gt_rand(long* size, long n, int dtype, int device, int index);
    [DllImport(Lib)] internal static extern nint gt_randn(long* size, long n, int dtype, int device, int index);
    [DllImport(Lib)] internal static extern nint gt_from_bytes(void* data, long* size, long n, int dtype);
    [DllImport(Lib)] internal static extern nint gt_to(nint t, int dtype, int device, int index, int copy);
    [DllImport(Lib)] internal static extern nint gt_to_type(nint t, int dtype, int copy);
    [DllImport(Lib)] internal static extern void gt_set_num_threads(int n);
    [DllImport(Lib)] internal static extern int gt_get_num_threads();
    [DllImport(Lib)] internal static extern int gt_manual_seed(long seed);
    [DllImport(Lib)] internal static extern int gt_cuda_is_available();
    [DllImport(Lib)] internal static extern int gt_cuda_device_count();
    [DllImport(Lib)] internal static extern int gt_grad_enabled();
    [DllImport(Lib)] internal static extern void gt_set_grad_enabled(int on);
    [DllImport(Lib)] internal static extern int gt_backward(nint t);
    [DllImport(Lib)]
    internal static extern int gt_grad(nint* outputs, long outputCount, nint* inputs, long inputCount, nint* grads, long gradCount,
        int retain, int create, int allowUnused, nint* results);
}
