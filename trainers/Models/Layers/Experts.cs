using FineTuneGrid.Models.Config;
using static TorchSharp.torch;

namespace FineTuneGrid.Models.Layers;

/// <summary>Sparse mixtures (Shazeer et al. 2017): each token goes through a few of many feed-forward parts.</summary>
internal static class Experts
{
    /// <summary>How many parts a layer has and how many a token goes through.</summary>
    internal static (int All, int Chosen) Counts(ModelConfig config)
    {
        var all = config.Int("num_local_experts", 8, 1, 4096);
        return (all, config.Int("num_experts_per_tok", 2, 1, all));
    }

    /// <param name="x">[T, hidden]</param>
    /// <param name="gates">Weights of each token's experts, [T, k].</param>
    /// <param name="chosen">Their indices, int64 [T, k], different ones in each row.</param>
    /// <param name="experts">The parts. One that no token chose does not run.</param>
    /// <returns>[T, hidden]: the weighted sum, experts added in order.</returns>
    internal static Tensor Mix(ForwardPass pass, Tensor x, Tensor gates, Tensor chosen, IReadOnlyList<Piece> experts)
    {
        var width = chosen.size(1);
        using var onHost = chosen.cpu().contiguous();
        var cells = onHost.data<long>().ToArray().Select((expert, cell) => (expert, cell: (long)cell)).ToLookup(p => (int)p.expert, p => p.cell);
        var flat = gates.to(x.dtype).reshape(-1);
        var sum = zeros(x.shape, x.dtype, x.device);
        for (var e = 0; e < experts.Count; e++)
        {
            long[] mine = [.. cells[e]];
            if (mine.Length == 0)
                continue;
            long[] tokens = [.. mine.Select(c => c / width)];
            var rows = tensor(tokens).to(x.device);
            var y = pass.OnRows(tokens, () => experts[e](pass, x.index_select(0, rows))) * flat.index_select(0, tensor(mine).to(x.device)).unsqueeze(1);
            sum = sum.index_add(0, rows, y, 1);
        }

        return sum;
    }
}
