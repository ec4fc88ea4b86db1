using TorchSharp;
using static TorchSharp.torch;

namespace FineTuneGrid.Torch.Tests;

public sealed class AutogradTests
{
    [Fact]
    public void Grad_OfASquaredProduct_IsTheAnalyticOne()
    {
        using var scope = NewDisposeScope();
        var w = tensor(new float[] { 1, -2, 3, 0.5f }, [2, 2]).requires_grad_();
        var x = tensor(new float[] { 2, 1 }, [1, 2]);
        // y = x w^T, loss = sum y^2, dloss/dw = 2 y^T x
        var y = nn.functional.linear(x, w);
        var loss = y.pow(2).sum();
        var grad = autograd.grad([loss], [w])[0];
        Assert.Equal([0f, 0f, 26f, 13f], grad.flatten().data<float>().ToArray());
    }

    [Fact]
    public void Grad_WithGradOutputsAndRetainedGraph_CanBeTakenTwice()
    {
        using var scope = NewDisposeScope();
        var a = tensor(new float[] { 1, 2 }).requires_grad_();
        var b = a * a;
        var first = autograd.grad([b], [a], [tensor(new float[] { 1, 10 })], retain_graph: true)[0];
        var second = autograd.grad([b], [a], [tensor(new float[] { 1, 1 })])[0];
        Assert.Equal([2f, 40f], first.data<float>().ToArray());
        Assert.Equal([2f, 4f], second.data<float>().ToArray());
    }

    [Fact]
    public void Grad_MatchesFiniteDifferences_ThroughSoftmaxAndNorm()
    {
        using var scope = NewDisposeScope();
        var values = new double[] { 0.3, -1.1, 0.8, 2.0, -0.4, 0.1 };
        Tensor F(Tensor t)
        {
            var m = t.reshape(2, 3);
            var n = m * (m.pow(2).mean([-1], keepdim: true) + 1e-5).rsqrt();
            return (n.softmax(-1) * n.sin().cos()).sum().log();
        }

        var x = tensor(values).requires_grad_();
        var grad = autograd.grad([F(x)], [x])[0].data<double>().ToArray();
        const double h = 1e-6;
        for (var i = 0; i < values.Length; i++)
        {
            double[] up = [.. values], down = [.. values];
            up[i] += h;
            down[i] -= h;
            var numeric = (F(tensor(up)).item<double>() - F(tensor(down)).item<double>()) / (2 * h);
            Assert.Equal(numeric, grad[i], 6);
        }
    }

    [Fact]
    public void NoGrad_Inside_RecordsNothing_AndRestoresOutside()
    {
        using var scope = NewDisposeScope();
        var a = ones(2).requires_grad_();
        Assert.True(is_grad_enabled());
        using (no_grad())
        {
            Assert.False(is_grad_enabled());
            Assert.False((a * 2).requires_grad);
            using (enable_grad())
                Assert.True((a * 2).requires_grad);
        }

        Assert.True(is_grad_enabled());
        Assert.True((a * 2).requires_grad);
        Assert.False((a * 2).detach().requires_grad);
    }

    [Fact]
    public void Backward_RepeatedWithFixedThreads_GivesTheSameBits()
    {
        var before = get_num_threads();
        set_num_threads(2);
        Assert.Equal(2, get_num_threads());
        try
        {
            var first = Step();
            for (var i = 0; i < 5; i++)
                Assert.Equal(first, Step());
        }
        finally
        {
            set_num_threads(before);
        }

        static byte[] Step()
        {
            using var scope = NewDisposeScope();
            var x = (arange(128 * 96, dtype: ScalarType.Float32) * 0.37f).sin().reshape(128, 96);
            var w = (arange(96 * 96, dtype: ScalarType.Float32) * 0.11f).cos().reshape(96, 96).requires_grad_();
            var h = nn.functional.linear(x, w).silu();
            var p = nn.functional.log_softmax(h.matmul(h.transpose(0, 1)), -1);
            var loss = nn.functional.linear(p.index_select(0, arange(64)), x.transpose(0, 1).contiguous()).sum();
            return autograd.grad([loss], [w])[0].contiguous().bytes.ToArray();
        }
    }
}
