namespace TorchSharp;

public static unsafe partial class torch
{
    public static class nn
    {
        public enum Reduction : long
        {
            None = 0,
            Mean = 1,
            Sum = 2,
        }

        public static class functional
        {
            /// <summary>input [*, in], weights [out, in], bias [out] -> [*, out].</summary>
            public static Tensor linear(Tensor input, Tensor weights, Tensor? bias = null)
            {
                var result = Tensor.Wrap(Native.gt_linear(input.Handle, weights.Handle, Tensor.HandleOf(bias)));
                GC.KeepAlive(input);
                GC.KeepAlive(weights);
                GC.KeepAlive(bias);
                return result;
            }

            public static Tensor layer_norm(Tensor input, long[] normalized_shape, Tensor? weight = null, Tensor? bias = null, double eps = 1e-5)
            {
                fixed (long* p = normalized_shape)
                {
                    var result = Tensor.Wrap(Native.gt_layer_norm(input.Handle, p, normalized_shape.Length,
                        Tensor.HandleOf(weight), Tensor.HandleOf(bias), eps));
                    GC.KeepAlive(input);
                    GC.KeepAlive(weight);
                    GC.KeepAlive(bias);
                    return result;
                }
            }

            /// <summary>input [n, classes] logits, target [n] class ids; rows whose target is ignore_index count for nothing.</summary>
            public static Tensor cross_entropy(Tensor input, Tensor target, Tensor? weight = null, long ignore_index = -100,
                Reduction reduction = Reduction.Mean, double label_smoothing = 0.0)
            {
                var result = Tensor.Wrap(Native.gt_cross_entropy(input.Handle, target.Handle, Tensor.HandleOf(weight),
                    (long)reduction, ignore_index, label_smoothing));
                GC.KeepAlive(input);
                GC.KeepAlive(target);
                GC.KeepAlive(weight);
                return result;
            }

            public static Tensor gelu(Tensor x) => x.gelu();

            public static Tensor softmax(Tensor input, long dim, ScalarType? dtype = null) => input.softmax(dim, dtype);

            public static Tensor log_softmax(Tensor x, long dim) => x.log_softmax(dim);
        }
    }
}
