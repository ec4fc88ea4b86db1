using TorchSharp.Utils;

namespace TorchSharp;

public static partial class torch
{
    public sealed partial class Tensor
    {
        /// <summary>The bytes of a contiguous CPU tensor. The getter is a window on the tensor's memory, valid while the tensor lives.</summary>
        public unsafe Span<byte> bytes
        {
            get => new((void*)DataPointer(), checked((int)(NumberOfElements * ElementSize)));
            set
            {
                if (value.Length != NumberOfElements * ElementSize)
                    throw new ArgumentException($"{value.Length} bytes given for a tensor of {NumberOfElements * ElementSize} bytes.");
                value.CopyTo(new Span<byte>((void*)DataPointer(), value.Length));
            }
        }

        /// <summary>Element access on the CPU; T is the .NET type of the dtype (float for the 16-bit ones is not readable: convert first).</summary>
        public TensorAccessor<T> data<T>()
            where T : unmanaged
        {
            var expected = ElementTypeOf(dtype);
            if (typeof(T) != expected)
                throw new ArgumentException($"{typeof(T).Name} is not the element type of {dtype}.");
            return new TensorAccessor<T>(device_type == DeviceType.CPU ? this : cpu());
        }

        public T item<T>()
            where T : unmanaged
        {
            if (NumberOfElements != 1)
                throw new ArgumentException($"item() needs a tensor of one element; this one has {NumberOfElements}.");
            return data<T>()[0];
        }

        public Tensor to(ScalarType type) => to_type(type);

        public Tensor to(Device device) => to(dtype, device);

        public Tensor to(DeviceType deviceType, int deviceIndex = -1, bool copy = false) => to(dtype, new Device(deviceType, deviceIndex), copy);

        public Tensor to(ScalarType type, Device device, bool copy = false) =>
            Own(Native.gt_to(Handle, (int)type, (int)device.type, device.index, copy ? 1 : 0));

        public Tensor to_type(ScalarType type, bool copy = false) => Own(Native.gt_to_type(Handle, (int)type, copy ? 1 : 0));

        public Tensor cpu() => to(CPU);

        public Tensor cuda(Device? device = null) => to(device ?? CUDA);

        public Tensor copy_(Tensor source, bool non_blocking = false) =>
            Own(Native.gt_copy_(Handle, source.Handle, non_blocking ? 1 : 0), source);

        public Tensor clone() => Own(Native.gt_clone(Handle));

        public Tensor detach() => Own(Native.gt_detach(Handle));

        public Tensor contiguous() => Own(Native.gt_contiguous(Handle));

        /// <summary>Accumulates gradients into the leaves. The tensor must be a scalar.</summary>
        public void backward() => Done(Native.gt_backward(Handle));

        internal nint DataPointer()
        {
            if (device_type != DeviceType.CPU)
                throw new InvalidOperationException($"The tensor is on {device}; move it to the CPU first.");
            if (!is_contiguous())
                throw new NotImplementedException("The tensor is not contiguous; call contiguous() first.");
            return RawPointer();
        }

        internal nint RawPointer()
        {
            var p = Native.gt_data(Handle);
            if (p == 0)
                CheckForErrors();
            return p;
        }

        private static Type? ElementTypeOf(ScalarType type) => type switch
        {
            ScalarType.Byte => typeof(byte),
            ScalarType.Int8 => typeof(sbyte),
            ScalarType.Int16 => typeof(short),
            ScalarType.Int32 => typeof(int),
            ScalarType.Int64 => typeof(long),
            ScalarType.Float32 => typeof(float),
            ScalarType.Float64 => typeof(double),
            ScalarType.Bool => typeof(bool),
            _ => null,
        };
    }
}
