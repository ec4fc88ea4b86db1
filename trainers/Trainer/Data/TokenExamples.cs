using System.Runtime.InteropServices;
using System.Security.Cryptography;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Models.Layers;
using FineTuneGrid.Storage;

namespace FineTuneGrid.Trainer.Data;

/// <summary>The examples of a token index, by number, from mapped shards whose digests were checked when they were opened.</summary>
internal sealed class TokenExamples : IDisposable
{
    private readonly List<Shard> _shards = [];

    private TokenExamples()
    {
    }

    /// <summary>Length of each example, in tokens.</summary>
    public IReadOnlyList<int> Lengths { get; private set; } = [];

    /// <param name="First">Number of the shard's first example.</param>
    private sealed record Shard(int First, SafetensorsFile File, long[] Offsets);

    /// <exception cref="GridException"><c>digest_mismatch</c>, <c>invalid_safetensors</c>, <c>not_found</c>: naming the shard.</exception>
    public static async Task<TokenExamples> OpenAsync(IBlobStore store, TokenIndex index, CancellationToken cancellation = default)
    {
        var examples = new TokenExamples();
        try
        {
            var lengths = new List<int>();
            foreach (var shard in index.Shards)
            {
                var (file, offsets) = await OpenShardAsync(store, shard, cancellation);
                examples._shards.Add(new Shard(lengths.Count, file, offsets));
                for (var i = 1; i < offsets.Length; i++) lengths.Add(checked((int)(offsets[i] - offsets[i - 1])));
            }
            if (lengths.Count == 0) throw new GridException(ErrorCodes.EmptyDataset, "The data set has no examples.", "data.train");
            examples.Lengths = lengths;
            return examples;
        }
        catch
        {
            examples.Dispose();
            throw;
        }
    }

    /// <summary>Examples laid end to end.</summary>
    public MicroBatch Batch(IReadOnlyList<int> numbers)
    {
        int[] lengths = [.. numbers.Select(n => Lengths[n])];
        var (tokens, labels) = (new int[lengths.Sum()], new int[lengths.Sum()]);
        var at = 0;
        foreach (var number in numbers)
        {
            var shard = _shards[FindShard(number)];
            var (from, length) = (shard.Offsets[number - shard.First], Lengths[number]);
            Slice(shard.File, "input_ids", from, length).CopyTo(tokens.AsSpan(at));
            Slice(shard.File, "labels", from, length).CopyTo(labels.AsSpan(at));
            at += length;
        }
        return new MicroBatch(tokens, lengths, labels);
    }

    public void Dispose()
    {
        foreach (var shard in _shards) shard.File.Dispose();
    }

    private int FindShard(int number)
    {
        var (low, high) = (0, _shards.Count - 1);
        while (low < high)
        {
            var middle = (low + high + 1) / 2;
            if (_shards[middle].First <= number) low = middle;
            else high = middle - 1;
        }
        return low;
    }

    private static async Task<(SafetensorsFile File, long[] Offsets)> OpenShardAsync(IBlobStore store, TokenShard shard, CancellationToken cancellation)
    {
        using var local = await store.OpenLocalAsync(shard.Key, cancellation)
            ?? throw new GridException(ErrorCodes.NotFound, $"The token shard '{shard.Key}' is missing from the blob store; tokenise the data set again.");
        await using (var stream = new FileStream(local.Path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete))
        {
            var digest = Convert.ToHexStringLower(await SHA256.HashDataAsync(stream, cancellation));
            if (digest != shard.Sha256)
                throw new GridException(ErrorCodes.DigestMismatch, $"The token shard '{shard.Key}' does not have the digest of its index; tokenise the data set again.");
        }
        var file = SafetensorsFile.Open(local.Handle, shard.Key);
        try
        {
            return (file, ReadOffsets(file, shard));
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Increasing from 0 to the number of tokens, checked, as everything is that later becomes an address.</summary>
    private static long[] ReadOffsets(SafetensorsFile file, TokenShard shard)
    {
        long[] offsets = [.. MemoryMarshal.Cast<byte, long>(file.BytesOf(Typed(file, "offsets", SafetensorsDtype.I64)))];
        var (ids, labels) = (Typed(file, "input_ids", SafetensorsDtype.I32), Typed(file, "labels", SafetensorsDtype.I32));
        var sound = offsets.Length == shard.Examples + 1 && offsets[0] == 0 && offsets[^1] == ids.ElementCount && labels.ElementCount == ids.ElementCount;
        for (var i = 1; sound && i < offsets.Length; i++) sound = offsets[i] > offsets[i - 1] && offsets[i] - offsets[i - 1] <= int.MaxValue;
        return sound ? offsets : throw new GridException(ErrorCodes.InvalidSafetensors, $"The token shard '{shard.Key}' has offsets that do not fit its tokens; tokenise the data set again.");
    }

    private static SafetensorsTensor Typed(SafetensorsFile file, string name, SafetensorsDtype dtype)
    {
        var tensor = file.Get(name);
        return tensor.Dtype == dtype && tensor.Shape.Count == 1
            ? tensor
            : throw new GridException(ErrorCodes.InvalidSafetensors, $"The token shard '{file.Name}': {name} must be {dtype.NameOf()} with one dimension.");
    }

    private static unsafe ReadOnlySpan<int> Slice(SafetensorsFile file, string name, long from, int length) =>
        new((byte*)file.AddressOf(file.Get(name)) + from * sizeof(int), length);
}
