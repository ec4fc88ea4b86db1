namespace TorchSharp;

public static partial class torch
{
    public sealed unsafe partial class Tensor
    {
        public Tensor view(params long[] shape) => Sized(shape, &Native.gt_view);

        public Tensor reshape(params long[] shape) => Sized(shape, &Native.gt_reshape);

        public Tensor permute(params long[] permutation) => Sized(permutation, &Native.gt_permute);

        public Tensor expand(params long[] sizes) => Sized(sizes, &Native.gt_expand);

        public Tensor repeat(params long[] sizes) => Sized(sizes, &Native.gt_repeat);

        public Tensor flip(params long[] dims) => Sized(dims, &Native.gt_flip);

        public Tensor transpose(long dim0, long dim1) => Own(Native.gt_transpose(Handle, dim0, dim1));

        public Tensor t() => transpose(0, 1);

        public Tensor unsqueeze(long dim) => Own(Native.gt_unsqueeze(Handle, dim));

        public Tensor squeeze(long? dim = null) => Own(Native.gt_squeeze(Handle, dim is null ? 0 : 1, dim ?? 0));

        public Tensor flatten(long start_dim = 0, long end_dim = -1) => Own(Native.gt_flatten(Handle, start_dim, end_dim));

        public Tensor slice(long dim, long start, long finish, long step) => Own(Native.gt_slice(Handle, dim, start, finish, step));

        public Tensor narrow(long dim, long start, long length) => Own(Native.gt_narrow(Handle, dim, start, length));

        public Tensor select(long dim, long index) => Own(Native.gt_select(Handle, dim, index));

        public Tensor triu(long diagonal = 0) => Own(Native.gt_triu(Handle, diagonal));

        public Tensor tril(long diagonal = 0) => Own(Native.gt_tril(Handle, diagonal));

        public Tensor repeat_interleave(long repeats, long? dim = null) =>
            Own(Native.gt_repeat_interleave(Handle, repeats, dim is null ? 0 : 1, dim ?? 0));

        /// <summary>Views of consecutive parts; the sizes must add up to the dimension.</summary>
        public Tensor[] split(long[] sizes, long dim = 0)
        {
            var extent = size((int)dim);
            if (sizes.Sum() != extent)
                throw new ArgumentException($"The sizes add up to {sizes.Sum()}, the dimension has {extent}.");
            var parts = new Tensor[sizes.Length];
            long at = 0;
            for (var i = 0; i < sizes.Length; i++)
            {
                parts[i] = narrow(dim, at, sizes[i]);
                at += sizes[i];
            }

            return parts;
        }

        public Tensor[] chunk(long chunks, long dim = 0)
        {
            var extent = size((int)dim);
            var each = (extent + chunks - 1) / chunks;
            var parts = new List<Tensor>();
            for (long at = 0; at < extent; at += each)
                parts.Add(narrow(dim, at, Math.Min(each, extent - at)));
            return [.. parts];
        }

        public Tensor index_select(long dim, Tensor index) => Own(Native.gt_index_select(Handle, dim, index.Handle), index);

        public Tensor gather(long dim, Tensor index) => Own(Native.gt_gather(Handle, dim, index.Handle), index);

        public Tensor scatter(long dim, Tensor index, Tensor src) => Own(Native.gt_scatter(Handle, dim, index.Handle, src.Handle), index, src);

        public Tensor scatter_(long dim, Tensor index, Tensor src) => Own(Native.gt_scatter_(Handle, dim, index.Handle, src.Handle), index, src);

        public Tensor index_add(long dim, Tensor index, Tensor source, Scalar alpha) =>
            Own(Native.gt_index_add(Handle, dim, index.Handle, source.Handle, alpha.Value), index, source);

        public Tensor index_add_(long dim, Tensor index, Tensor source, Scalar alpha) =>
            Own(Native.gt_index_add_(Handle, dim, index.Handle, source.Handle, alpha.Value), index, source);

        public Tensor index_copy_(long dim, Tensor index, Tensor source) =>
            Own(Native.gt_index_copy_(Handle, dim, index.Handle, source.Handle), index, source);

        public Tensor masked_fill(Tensor mask, Scalar value) => Own(Native.gt_masked_fill(Handle, mask.Handle, value.Value), mask);

        public Tensor masked_fill_(Tensor mask, Scalar value) => Own(Native.gt_masked_fill_(Handle, mask.Handle, value.Value), mask);

        public Tensor masked_select(Tensor mask) => Own(Native.gt_masked_select(Handle, mask.Handle), mask);

        public Tensor where(Tensor condition, Tensor y) => Own(Native.gt_where(condition.Handle, Handle, y.Handle), condition, y);

        public Tensor nonzero() => Own(Native.gt_nonzero(Handle));

        private Tensor Sized(long[] sizes, delegate*<nint, long*, long, nint> call)
        {
            fixed (long* p = sizes)
                return Own(call(Handle, p, sizes.Length));
        }
    }
}
