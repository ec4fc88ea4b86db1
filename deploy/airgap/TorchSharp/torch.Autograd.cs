namespace TorchSharp;

public static unsafe partial class torch
{
    public static class autograd
    {
        /// <summary>Gradients of the outputs with respect to the inputs, without touching any tensor's own gradient.</summary>
        public static IList<Tensor> grad(IList<Tensor> outputs, IList<Tensor> inputs, IList<Tensor>? grad_outputs = null,
            bool retain_graph = false, bool create_graph = false, bool allow_unused = false)
        {
            nint[] outs = Handles(outputs), ins = Handles(inputs), weights = Handles(grad_outputs);
            var results = new nint[ins.Length];
            int ok;
            fixed (nint* o = outs, i = ins, w = weights, r = results)
            {
                ok = Native.gt_grad(o, outs.Length, i, ins.Length, w, weights.Length,
                    retain_graph ? 1 : 0, create_graph ? 1 : 0, allow_unused ? 1 : 0, r);
            }

            GC.KeepAlive(outputs);
            GC.KeepAlive(inputs);
            GC.KeepAlive(grad_outputs);
            if (ok == 0)
                CheckForErrors();
            // As in the package, an unused input yields an invalid tensor.
            return [.. results.Select(Tensor.UnsafeCreateTensor)];
        }
    }
}
