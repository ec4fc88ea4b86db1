using System.Globalization;
using FineTuneGrid.Contracts;
using FineTuneGrid.Models;

namespace FineTuneGrid.Trainer.Tasks;

/// <summary>
/// Whether a job fits a slot, and if not, the largest sizes that would. Pure: sizes are searched by halving, since a larger micro-batch or
/// sequence never needs less.
/// </summary>
/// <param name="estimate">Bytes for micro-batches of so many tokens with sequences of so many.</param>
/// <param name="limit">The slot's memory, in bytes.</param>
/// <param name="device">What errors call the slot.</param>
internal sealed class MemoryAdmission(Func<long, long, MemoryEstimate> estimate, long limit, string device)
{
    /// <param name="tokens">Of a micro-batch.</param>
    /// <param name="longest">Sequence, in tokens.</param>
    /// <param name="atOnce">Sequences that are never parted: 2 of a pair, else 1.</param>
    /// <param name="frozenWhole">The base is frozen and not yet quantised.</param>
    /// <exception cref="GridException"><c>out_of_memory</c>, naming the field that helps most and the value that fits.</exception>
    public void Check(long tokens, long longest, int atOnce, bool frozenWhole)
    {
        var need = estimate(tokens, longest);
        if (need.Total <= limit) return;
        var what = $"The job needs about {Gib(need.Total)} GiB ({Gib(need.Weights)} weights, {Gib(need.State)} adapter and optimizer, {Gib(need.Activations)} activations), "
            + $"but a {device} slot has {Gib(limit)} GiB. ";
        if (Largest(tokens, n => estimate(n, longest)) is var batch && batch >= longest * atOnce)
            throw Refused(what + $"With optimizer.micro_batch_tokens {batch} or less it fits.", "optimizer.micro_batch_tokens");
        if (Largest(longest, n => estimate(n * atOnce, n)) is var length and > 1)
            throw Refused(what + $"With examples of at most {length} tokens, and optimizer.micro_batch_tokens {length * atOnce}, it fits; the longest has {longest}: shorten or split the data.", "data.sequence_length");
        throw Refused(what + (frozenWhole ? "No size of batch fits: set method.quantization to nf4, or name a smaller base." : "No size of batch fits: name a smaller base, or lower method.rank."), "base_model");
    }

    /// <summary>The largest size up to <paramref name="most"/> that fits; 0 where none does.</summary>
    private long Largest(long most, Func<long, MemoryEstimate> of)
    {
        long fits = 0, not = most + 1;
        while (not - fits > 1)
        {
            var middle = fits + (not - fits) / 2;
            if (of(middle).Total <= limit) fits = middle;
            else not = middle;
        }
        return fits;
    }

    private static GridException Refused(string message, string field) => new(ErrorCodes.OutOfMemory, message, field);

    private static string Gib(long bytes) => (bytes / (double)(1L << 30)).ToString("0.##", CultureInfo.InvariantCulture);
}
