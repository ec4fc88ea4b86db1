using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace FineTuneGrid.Torch.Tests;

public sealed class LifetimeTests
{
    [Fact]
    public void Scope_End_DisposesAllButWhatLeft()
    {
        Tensor inner, moved, detached;
        using (var outer = NewDisposeScope())
        {
            using (NewDisposeScope())
            {
                inner = ones(2);
                moved = (inner + 1).MoveToOuterDisposeScope();
                detached = (inner + 2).DetachFromDisposeScope();
            }

            Assert.True(inner.IsInvalid);
            Assert.False(moved.IsInvalid);
            Assert.Equal(1, outer.DisposablesCount);
        }

        Assert.True(moved.IsInvalid);
        Assert.False(detached.IsInvalid);
        Assert.Equal(6f, detached.sum().item<float>());
        detached.Dispose();
    }

    [Fact]
    public void Scope_DisposeEverythingBut_KeepsTheNamed()
    {
        using var scope = NewDisposeScope();
        var keep = ones(1);
        var drop = ones(1);
        scope.DisposeEverythingBut(keep);
        Assert.True(drop.IsInvalid);
        Assert.False(keep.IsInvalid);
    }

    [Fact]
    public void Disposed_Use_IsRefused()
    {
        var t = ones(1);
        t.Dispose();
        t.Dispose();
        Assert.Throws<InvalidOperationException>(() => t + t);
    }

    [Fact]
    public void Steps_AThousand_LeakNoTensor()
    {
        using var keep = ones(8, 8);
        using var w = ones(8, 8).requires_grad_();
        DisposeScopeManager.Statistics.Reset();
        Step();
        var total = Tensor.TotalCount;
        var live = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        for (var i = 0; i < 1000; i++)
            Step();
        Assert.Equal(live, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
        Assert.Equal(total, Tensor.TotalCount);

        void Step()
        {
            using var scope = NewDisposeScope();
            var loss = nn.functional.linear(keep, w).silu().softmax(-1).max(1).values.sum();
            _ = autograd.grad([loss], [w])[0].split([4, 4]);
        }
    }

#if GRID_AIRGAP
    [Fact]
    public void Matmul_WithBadShapes_ThrowsWithLibtorchsMessage()
    {
        using var scope = NewDisposeScope();
        var error = Assert.Throws<ExternalException>(() => ones(2, 3).matmul(ones(2, 3)));
        Assert.Contains("2x3", error.Message, StringComparison.Ordinal);
        // The thread is usable afterwards and carries no stale error.
        Assert.Equal(3f, ones(1, 3).matmul(ones(3, 1)).item<float>());
    }

    [Fact]
    public void Backward_WithoutAGraph_Throws()
    {
        using var scope = NewDisposeScope();
        Assert.Throws<ExternalException>(() => autograd.grad([ones(1).sum()], [ones(1)]));
    }
#endif
}
