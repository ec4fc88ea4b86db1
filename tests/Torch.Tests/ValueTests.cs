using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace FineTuneGrid.Torch.Tests;

/// <summary>Values, shapes and dtypes. The same source runs on the TorchSharp package.</summary>
public sealed class ValueTests
{
    private static float[] Floats(Tensor t) => t.to(ScalarType.Float32).contiguous().data<float>().ToArray();

    [Fact]
    public void Factories_ShapeAndDtype_AreAsAsked()
    {
        using var scope = NewDisposeScope();
        Assert.Equal([2, 3], zeros(2, 3).shape);
        Assert.Equal(ScalarType.Float32, zeros(2, 3).dtype);
        Assert.Equal(ScalarType.Int64, arange(5).dtype);
        Assert.Equal([0, 1, 2, 3, 4], arange(5).data<long>().ToArray());
        Assert.Equal(ScalarType.BFloat16, ones(4, dtype: ScalarType.BFloat16).dtype);
        Assert.Equal([1f, 1f], Floats(ones(2)));
        Assert.Equal([7f, 7f], Floats(full([2], 7.0f)));
        Assert.Equal(ScalarType.Int64, tensor(new long[] { 1, 2 }).dtype);
        Assert.Equal([2, 2], tensor(new float[] { 1, 2, 3, 4 }, [2, 2]).shape);
        Assert.Equal(2.5f, tensor(2.5f).item<float>());
        Assert.Equal(2L, tensor(new long[] { 2 }).item<long>());
    }

    [Fact]
    public void Bytes_RoundTrip_AreTheElementsBits()
    {
        using var scope = NewDisposeScope();
        var t = empty([3], ScalarType.Float32);
        t.bytes = MemoryMarshal.AsBytes(new float[] { 1, -2, 0.5f }.AsSpan());
        Assert.Equal([1f, -2f, 0.5f], Floats(t));
        Assert.Equal(12, t.bytes.Length);
        var half = t.to(ScalarType.BFloat16);
        Assert.Equal([0x80, 0x3f, 0x00, 0xc0, 0x00, 0x3f], half.bytes.ToArray());
        Assert.Equal([1f, -2f, 0.5f], Floats(half.to(ScalarType.Float16)));
    }

    [Fact]
    public void Arithmetic_WithBroadcastAndScalars_GivesKnownValues()
    {
        using var scope = NewDisposeScope();
        var a = tensor(new float[] { 1, 2, 3, 4 }, [2, 2]);
        var row = tensor(new float[] { 10, 20 });
        Assert.Equal([11f, 22f, 13f, 24f], Floats(a + row));
        Assert.Equal([9f, 18f, 7f, 16f], Floats(row - a));
        Assert.Equal([2f, 4f, 6f, 8f], Floats(a * 2));
        Assert.Equal([0.5f, 1f, 1.5f, 2f], Floats(a / 2.0f));
        Assert.Equal([0f, -1f, -2f, -3f], Floats(1 - a));
        Assert.Equal([1f, 4f, 9f, 16f], Floats(a.pow(2)));
        Assert.Equal([1f, 0.5f], Floats(tensor(new float[] { 1, 4 }).rsqrt()));
        Assert.Equal([7f, 10f, 15f, 22f], Floats(a.matmul(a)));
        Assert.Equal([5f, 11f, 11f, 25f], Floats(functional.linear(a, a)));
        Assert.Equal([1f, 2f, 2f, 2f], Floats(a.clamp(max: 2.0f)));
        Assert.Equal([false, true, false, false], a.eq(2).flatten().data<bool>().ToArray());
    }

    [Fact]
    public void InPlace_AdamPieces_ChangeTheTensorItself()
    {
        using var scope = NewDisposeScope();
        var t = tensor(new float[] { 1, 2 });
        t.mul_(0.5f);
        t.add_(tensor(new float[] { 1, 1 }), 2);
        Assert.Equal([2.5f, 3f], Floats(t));
        t.addcmul_(tensor(new float[] { 2, 2 }), tensor(new float[] { 3, 4 }), 0.5f);
        Assert.Equal([5.5f, 7f], Floats(t));
        t.addcdiv_(tensor(new float[] { 1, 2 }), tensor(new float[] { 2, 4 }), -1);
        Assert.Equal([5f, 6.5f], Floats(t));
        t.copy_(tensor(new float[] { 9, 9 }));
        t.narrow(0, 1, 1).zero_();
        Assert.Equal([9f, 0f], Floats(t));
    }

    [Fact]
    public void Shapes_ViewsAndIndexing_PickTheRightElements()
    {
        using var scope = NewDisposeScope();
        var a = arange(24).reshape(2, 3, 4);
        Assert.Equal([2, 4, 3], a.transpose(1, 2).shape);
        Assert.Equal([4, 2, 3], a.permute(2, 0, 1).shape);
        Assert.False(a.transpose(1, 2).is_contiguous());
        Assert.Equal([0, 4, 8, 1], a.transpose(1, 2).select(0, 0).contiguous().flatten().slice(0, 0, 4, 1).data<long>().ToArray());
        Assert.Equal([12, 4, 1], a.stride());
        Assert.Equal([5, 6], a.select(0, 0).select(0, 1).narrow(0, 1, 2).data<long>().ToArray());
        Assert.Equal([1, 3], a.select(0, 0).select(0, 0).slice(0, 1, 4, 2).data<long>().ToArray());
        Assert.Equal([2, 3, 8], cat([a, a], 2).shape);
        Assert.Equal([2, 2, 3, 4], stack([a, a]).shape);
        Assert.Equal([3, 3, 4], a.narrow(0, 0, 1).expand(3, -1, -1).shape);
        var parts = a.split([1, 3], 2);
        Assert.Equal([2, 3, 3], parts[1].shape);
        var m = arange(6).reshape(3, 2);
        Assert.Equal([4, 5, 0, 1], m.index_select(0, tensor(new long[] { 2, 0 })).flatten().data<long>().ToArray());
        Assert.Equal([1, 2, 5], m.gather(1, tensor(new long[] { 1, 0, 1 }).unsqueeze(1)).flatten().data<long>().ToArray());
        Assert.Equal([0, 0, 2, 0, 0, 10], (m * ones(3, 3, dtype: ScalarType.Int64).narrow(1, 0, 2).tril()).masked_fill(m.eq(4), 0)
            .index_add(0, tensor(new long[] { 2 }), tensor(new long[] { 0, 5 }).unsqueeze(0), 1)
            .masked_fill(m.eq(3), 0).data<long>().ToArray());
    }

    [Fact]
    public void Reductions_GiveKnownValues()
    {
        using var scope = NewDisposeScope();
        var a = tensor(new float[] { 3, 4, 0, -1 }, [2, 2]);
        Assert.Equal(6f, a.sum().item<float>());
        Assert.Equal([3f, 3f], Floats(a.sum(0L)));
        Assert.Equal([3.5f, -0.5f], Floats(a.mean([-1])));
        Assert.Equal([2, 1], a.mean([-1], keepdim: true).shape);
        Assert.Equal(MathF.Sqrt(26), a.norm().item<float>(), 6);
        Assert.Equal([1L, 0L], a.argmax(-1).data<long>().ToArray());
        Assert.Equal([4f, 0f], Floats(a.max(1).values));
        Assert.Equal([4f], Floats(a.flatten().topk(1).values));
        Assert.Equal([4f, 3f, 0f, -1f], Floats(a.flatten().sort(0, descending: true).Item1));
        Assert.True(a.isfinite().all().item<bool>());
        Assert.False((a / 0).isfinite().all().item<bool>());
    }

    [Fact]
    public void Activations_MatchTheirFormulas()
    {
        using var scope = NewDisposeScope();
        var x = new float[] { -2, -0.5f, 0, 1, 3 };
        var t = tensor(x);
        AssertClose(x.Select(v => v / (1 + MathF.Exp(-v))), t.silu());
        AssertClose(x.Select(v => 1 / (1 + MathF.Exp(-v))), t.sigmoid());
        AssertClose(x.Select(v => MathF.Max(v, 0)), t.relu());
        AssertClose(x.Select(MathF.Tanh), t.tanh());
        var sum = x.Sum(MathF.Exp);
        AssertClose(x.Select(v => MathF.Exp(v) / sum), functional.softmax(t, 0));
        AssertClose(x.Select(v => v - MathF.Log(sum)), functional.log_softmax(t, 0));
        var loss = functional.cross_entropy(t.unsqueeze(0), tensor(new long[] { 3 }), reduction: Reduction.Sum);
        Assert.Equal(MathF.Log(sum) - 1, loss.item<float>(), 5);
        AssertClose([-1.2247f, 0f, 1.2247f], functional.layer_norm(tensor(new float[] { 1, 2, 3 }), [3]));
    }

    private static void AssertClose(IEnumerable<float> expected, Tensor actual) =>
        Assert.All(expected.Zip(Floats(actual)), p => Assert.Equal(p.First, p.Second, 4));
}
