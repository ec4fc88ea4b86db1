namespace TorchSharp;

public static partial class torch
{
    /// <summary>Kinds of element, with libtorch's numbers.</summary>
    public enum ScalarType : sbyte
    {
        Byte = 0,
        Int8 = 1,
        Int16 = 2,
        Int32 = 3,
        Int64 = 4,
        Float16 = 5,
        Float32 = 6,
        Float64 = 7,
        Bool = 11,
        BFloat16 = 15,
    }

    /// <summary>
    /// A handle to an <c>at::Tensor</c>. Lifetime: the dispose scope it was made in, else <see cref="Dispose()"/>;
    /// the finalizer is only a net, since the collector does not see native memory.
    /// </summary>
    public sealed partial class Tensor : IDisposable
    {
        private static long _totalCount;
        private static long _peakCount;
        private nint _handle;

        private Tensor(nint handle)
        {
            if (handle == 0)
            {
                GC.SuppressFinalize(this);
                return;
            }

            _handle = handle;
            var count = Interlocked.Increment(ref _totalCount);
            if (count > Volatile.Read(ref _peakCount))
                Volatile.Write(ref _peakCount, count);
            Scope = DisposeScopeManager.OfThread.Register(this);
        }

        ~Tensor() => Free();

        /// <summary>Tensor objects alive in this process: what a leak test compares before and after.</summary>
        public static long TotalCount => Interlocked.Read(ref _totalCount);

        public static long PeakCount => Interlocked.Read(ref _peakCount);

        /// <summary>The <c>at::Tensor*</c>.</summary>
        /// <exception cref="InvalidOperationException">The tensor was disposed.</exception>
        public IntPtr Handle => _handle != 0 ? _handle : throw new InvalidOperationException("The tensor was disposed.");

        public bool IsInvalid => _handle == 0;

        internal DisposeScope? Scope { get; set; }

        public long Dimensions => Native.gt_ndim(Handle);

        public long ndim => Dimensions;

        public long NumberOfElements => Native.gt_numel(Handle);

        public long ElementSize => Native.gt_element_size(Handle);

        public ScalarType dtype => (ScalarType)Native.gt_dtype(Handle);

        public DeviceType device_type => (DeviceType)Native.gt_device_type(Handle);

        public int device_index => Native.gt_device_index(Handle);

        public Device device => new(device_type, device_index);

        public bool is_cuda => device_type == DeviceType.CUDA;

        public bool is_leaf => Flag(Native.gt_is_leaf(Handle));

        public bool requires_grad
        {
            get => Flag(Native.gt_requires_grad(Handle));
            set => Done(Native.gt_set_requires_grad(Handle, value ? 1 : 0));
        }

        public unsafe long[] shape
        {
            get
            {
                var sizes = new long[Dimensions];
                fixed (long* p = sizes)
                    Done(Native.gt_sizes(Handle, p));
                return sizes;
            }
        }

        /// <summary>Takes over a native <c>at::Tensor*</c>; it is deleted with the returned object.</summary>
        public static Tensor UnsafeCreateTensor(IntPtr handle) => new(handle);

        public long dim() => Dimensions;

        public long numel() => NumberOfElements;

        public long element_size() => ElementSize;

        public long[] size() => shape;

        public long size(int dim) => shape[dim < 0 ? dim + (int)Dimensions : dim];

        public unsafe long[] stride()
        {
            var strides = new long[Dimensions];
            fixed (long* p = strides)
                Done(Native.gt_strides(Handle, p));
            return strides;
        }

        public bool is_contiguous() => Flag(Native.gt_is_contiguous(Handle));

        public Tensor requires_grad_(bool requires_grad = true)
        {
            this.requires_grad = requires_grad;
            return this;
        }

        /// <summary>Another handle to the same native tensor, with a lifetime of its own.</summary>
        public Tensor alias() => Own(Native.gt_alias(Handle));

        public void Dispose()
        {
            Scope?.MarkAsDisposed(this);
            Free();
            GC.SuppressFinalize(this);
        }

        public Tensor MoveToOuterDisposeScope()
        {
            Scope?.MoveToOuter(this);
            return this;
        }

        public Tensor DetachFromDisposeScope()
        {
            Scope?.Detach(this);
            return this;
        }

        /// <summary>Gives up ownership: the caller must delete the returned native tensor.</summary>
        public IntPtr DecoupleFromNativeHandle()
        {
            GC.SuppressFinalize(this);
            var handle = Handle;
            Interlocked.Decrement(ref _totalCount);
            _handle = 0;
            return handle;
        }

        public override string ToString() =>
            IsInvalid ? "disposed" : $"[{string.Join('x', shape)}], type = {dtype}, device = {device}";

        internal static Tensor Wrap(nint handle)
        {
            if (handle == 0)
            {
                CheckForErrors();
                throw new InvalidOperationException("libtorch returned no tensor and no error.");
            }

            return new Tensor(handle);
        }

        internal static nint HandleOf(Tensor? tensor) => tensor?.Handle ?? 0;

        /// <summary>Wraps a result; takes the operands so that the collector cannot finalize them during the call.</summary>
        private Tensor Own(nint handle, Tensor? b = null, Tensor? c = null, Tensor? d = null)
        {
            var result = Wrap(handle);
            GC.KeepAlive(this);
            GC.KeepAlive(b);
            GC.KeepAlive(c);
            GC.KeepAlive(d);
            return result;
        }

        private bool Flag(int value)
        {
            GC.KeepAlive(this);
            if (value < 0)
                CheckForErrors();
            return value > 0;
        }

        private void Done(int ok)
        {
            GC.KeepAlive(this);
            if (ok == 0)
                CheckForErrors();
        }

        private void Free()
        {
            var handle = Interlocked.Exchange(ref _handle, 0);
            if (handle == 0)
                return;
            Interlocked.Decrement(ref _totalCount);
            Native.gt_dispose(handle);
        }
    }
}
