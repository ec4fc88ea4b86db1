using System.Runtime.InteropServices;

namespace TorchSharp;

/// <summary>
/// The part of TorchSharp's functional API that FineTuneGrid uses, over the system's libtorch. Names, signatures and
/// behaviour are those of the TorchSharp package, so that the same source compiles against either.
/// </summary>
public static unsafe partial class torch
{
    public static readonly ScalarType uint8 = ScalarType.Byte;
    public static readonly ScalarType int8 = ScalarType.Int8;
    public static readonly ScalarType int16 = ScalarType.Int16;
    public static readonly ScalarType int32 = ScalarType.Int32;
    public static readonly ScalarType int64 = ScalarType.Int64;
    public static readonly ScalarType float16 = ScalarType.Float16;
    public static readonly ScalarType bfloat16 = ScalarType.BFloat16;
    public static readonly ScalarType float32 = ScalarType.Float32;
    public static readonly ScalarType float64 = ScalarType.Float64;
    public static readonly ScalarType @bool = ScalarType.Bool;

    /// <summary>The version of the libtorch in use.</summary>
    public static string __version__ => Marshal.PtrToStringUTF8(Native.gt_version()) ?? "";

    public static DisposeScope NewDisposeScope() => DisposeScopeManager.Open();

    public static IDisposable no_grad() => new GradMode(false);

    public static IDisposable enable_grad(bool enabled = true) => new GradMode(enabled);

    public static IDisposable set_grad_enabled(bool mode = true) => new GradMode(mode);

    public static bool is_grad_enabled() => Native.gt_grad_enabled() != 0;

    public static int get_num_threads() => Native.gt_get_num_threads();

    public static void set_num_threads(int num)
    {
        Native.gt_set_num_threads(num);
        CheckForErrors();
    }

    /// <summary>Throws the error that the shim kept for this thread, if any.</summary>
    /// <exception cref="ExternalException">libtorch refused an operation.</exception>
    public static void CheckForErrors()
    {
        var error = Native.gt_take_error();
        if (error != 0)
            throw new ExternalException(Marshal.PtrToStringUTF8(error));
    }

    public static Tensor cat(IList<Tensor> tensors, long dim = 0)
    {
        var handles = Handles(tensors);
        fixed (nint* p = handles)
            return Kept(Native.gt_cat(p, handles.Length, dim), tensors);
    }

    public static Tensor stack(IEnumerable<Tensor> tensors, long dim = 0)
    {
        Tensor[] list = [.. tensors];
        var handles = Handles(list);
        fixed (nint* p = handles)
            return Kept(Native.gt_stack(p, handles.Length, dim), list);
    }

    public static Tensor matmul(Tensor input, Tensor target) => input.matmul(target);

    public static Tensor bmm(Tensor input, Tensor batch2) => input.bmm(batch2);

    public static Tensor mm(Tensor input, Tensor target) => input.mm(target);

    public static Tensor outer(Tensor input, Tensor vec2) => input.outer(vec2);

    public static Tensor baddbmm(Tensor input, Tensor batch1, Tensor batch2, float beta = 1, float alpha = 1) =>
        input.baddbmm(batch1, batch2, beta, alpha);

    public static Tensor where(Tensor condition, Tensor x, Tensor y) => x.where(condition, y);

    public static Tensor softmax(Tensor input, long dim, ScalarType? dtype = null) => input.softmax(dim, dtype);

    internal static nint[] Handles(IList<Tensor>? tensors) => tensors is null ? [] : [.. tensors.Select(t => t.Handle)];

    private static Tensor Kept(nint result, object operands)
    {
        var tensor = Tensor.Wrap(result);
        GC.KeepAlive(operands);
        return tensor;
    }

    private sealed class GradMode : IDisposable
    {
        private readonly int _before = Native.gt_grad_enabled();

        public GradMode(bool enabled) => Native.gt_set_grad_enabled(enabled ? 1 : 0);

        public void Dispose() => Native.gt_set_grad_enabled(_before);
    }
}
