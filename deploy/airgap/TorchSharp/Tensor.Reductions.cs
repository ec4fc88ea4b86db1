namespace TorchSharp;

public static partial class torch
{
    public sealed unsafe partial class Tensor
    {
        public Tensor sum(ScalarType? type = null) => Own(Native.gt_sum(Handle, null, 0, 1, 0, TypeCode(type)));

        public Tensor sum(long dim, bool keepdim = false, ScalarType? type = null) => sum([dim], keepdim, type);

        public Tensor sum(long[] dim, bool keepdim = false, ScalarType? type = null)
        {
            fixed (long* p = dim)
                return Own(Native.gt_sum(Handle, p, dim.Length, 0, keepdim ? 1 : 0, TypeCode(type)));
        }

        public Tensor mean() => Own(Native.gt_mean(Handle, null, 0, 1, 0, -1));

        public Tensor mean(long[] dimensions, bool keepdim = false, ScalarType? type = null)
        {
            fixed (long* p = dimensions)
                return Own(Native.gt_mean(Handle, p, dimensions.Length, 0, keepdim ? 1 : 0, TypeCode(type)));
        }

        public Tensor norm(float p = 2.0f) => Own(Native.gt_norm(Handle, p));

        public Tensor max() => Own(Native.gt_max(Handle));

        public Tensor min() => Own(Native.gt_min(Handle));

        public (Tensor values, Tensor indexes) max(long dim, bool keepdim = false)
        {
            nint values, indices;
            return Pair(Native.gt_max_dim(Handle, dim, keepdim ? 1 : 0, &values, &indices), &values, &indices);
        }

        public (Tensor Values, Tensor Indices) sort(long dim = -1, bool descending = false, bool stable = false)
        {
            nint values, indices;
            return Pair(Native.gt_sort(Handle, dim, descending ? 1 : 0, stable ? 1 : 0, &values, &indices), &values, &indices);
        }

        public (Tensor values, Tensor indexes) topk(int k, int dim = -1, bool largest = true, bool sorted = true)
        {
            nint values, indices;
            return Pair(Native.gt_topk(Handle, k, dim, largest ? 1 : 0, sorted ? 1 : 0, &values, &indices), &values, &indices);
        }

        public Tensor argmax() => Own(Native.gt_argmax(Handle, 0, 0, 0));

        public Tensor argmax(long dim, bool keepdim = false) => Own(Native.gt_argmax(Handle, 1, dim, keepdim ? 1 : 0));

        public Tensor all() => Own(Native.gt_all(Handle));

        public Tensor any() => Own(Native.gt_any(Handle));

        public Tensor logsumexp(long dim, bool keepdim = false) => Own(Native.gt_logsumexp(Handle, dim, keepdim ? 1 : 0));

        public Tensor cumsum(long dim, ScalarType? type = null) => Own(Native.gt_cumsum(Handle, dim, TypeCode(type)));

        public Tensor multinomial(long num_samples, bool replacement = false) =>
            Own(Native.gt_multinomial(Handle, num_samples, replacement ? 1 : 0));

        public Tensor softmax(long dim, ScalarType? dtype = null) => Own(Native.gt_softmax(Handle, dim, TypeCode(dtype)));

        public Tensor log_softmax(long dim, ScalarType? dtype = null) => Own(Native.gt_log_softmax(Handle, dim, TypeCode(dtype)));

        private static int TypeCode(ScalarType? type) => type is { } t ? (int)t : -1;

        private (Tensor First, Tensor Second) Pair(int ok, nint* first, nint* second)
        {
            Done(ok);
            return (Own(*first), Own(*second));
        }
    }
}
