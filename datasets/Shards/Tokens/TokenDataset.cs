using System.Security.Cryptography;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Storage;

namespace FineTuneGrid.Shards;

/// <summary>One example as it lies in the shard. Valid while its data set is open.</summary>
public readonly ref struct TokenExample(ReadOnlySpan<int> ids, ReadOnlySpan<int> labels)
{
    /// <summary>I32 [tokens].</summary>
    public ReadOnlySpan<int> Ids { get; } = ids;

    /// <summary>I32 [tokens], at the positions of the ids; -100 where nothing is to be learnt.</summary>
    public ReadOnlySpan<int> Labels { get; } = labels;
}

/// <summary>A tokenised data set, its shards mapped into memory; random access, safe for use from many threads.</summary>
public sealed class TokenDataset : IDisposable
{
    private readonly List<SafetensorsFile> _files = [];
    private readonly List<nint> _ids = [];
    private readonly List<nint> _labels = [];
    private readonly List<nint> _offsets = [];
    private readonly List<int> _firsts = [0];

    private TokenDataset(TokenIndex index)
    {
        Index = index;
        Lengths = [];
    }

    public TokenIndex Index { get; }

    public int Count => Lengths.Length;

    /// <summary>Tokens of each example.</summary>
    public int[] Lengths { get; private set; }

    /// <summary>Opens and checks every shard of an index.</summary>
    /// <param name="verify">Whether each shard's bytes are compared with its digest.</param>
    /// <exception cref="GridException"><c>not_found</c> or <c>digest_mismatch</c>, naming the shard.</exception>
    public static async Task<TokenDataset> OpenAsync(IBlobStore store, TokenIndex index, bool verify = true, CancellationToken cancellation = default)
    {
        var dataset = new TokenDataset(index);
        try
        {
            List<int> lengths = new((int)Math.Min(index.Examples, int.MaxValue));
            foreach (var shard in index.Shards)
            {
                using var local = await store.OpenLocalAsync(shard.Key, cancellation)
                    ?? throw new GridException(ErrorCodes.NotFound, $"The token shard '{shard.Key}' is gone; submit the job again so that the data is tokenised anew.");
                if (verify)
                    await VerifyAsync(local, shard, cancellation);
                dataset.Add(SafetensorsFile.Open(local.Handle, shard.Key), shard, lengths);
            }
            if (lengths.Count != index.Examples)
                throw Damaged(index.Key, $"has {lengths.Count} examples, its index says {index.Examples}");
            dataset.Lengths = [.. lengths];
            return dataset;
        }
        catch
        {
            dataset.Dispose();
            throw;
        }
    }

    public unsafe TokenExample this[int example]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfNegative(example);
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(example, Count);
            var shard = _firsts.BinarySearch(example);
            shard = shard >= 0 ? shard : ~shard - 1;
            // Empty shards share their first example with the next one; the last of them holds it.
            while (_firsts[shard + 1] <= example)
                shard++;
            var offsets = (long*)_offsets[shard];
            var start = offsets[example - _firsts[shard]];
            var length = Lengths[example];
            return new TokenExample(new ReadOnlySpan<int>((int*)_ids[shard] + start, length), new ReadOnlySpan<int>((int*)_labels[shard] + start, length));
        }
    }

    public void Dispose()
    {
        foreach (var file in _files)
            file.Dispose();
        _files.Clear();
        Lengths = [];
    }

    private unsafe void Add(SafetensorsFile file, TokenShard shard, List<int> lengths)
    {
        _files.Add(file);
        _ids.Add(Address(file, shard, TokenShardFormat.Ids, SafetensorsDtype.I32, shard.Tokens));
        _labels.Add(Address(file, shard, TokenShardFormat.Labels, SafetensorsDtype.I32, shard.Tokens));
        _offsets.Add(Address(file, shard, TokenShardFormat.Offsets, SafetensorsDtype.I64, shard.Examples + 1));
        var offsets = new ReadOnlySpan<long>((void*)_offsets[^1], checked((int)shard.Examples + 1));
        if (offsets[0] != 0 || offsets[^1] != shard.Tokens)
            throw Damaged(shard.Key, "has offsets that do not span its tokens");
        for (var i = 0; i + 1 < offsets.Length; i++)
        {
            var length = offsets[i + 1] - offsets[i];
            if (length is < 1 or > int.MaxValue)
                throw Damaged(shard.Key, $"has an example {i} of {length} tokens");
            lengths.Add((int)length);
        }
        _firsts.Add(lengths.Count);
    }

    private static nint Address(SafetensorsFile file, TokenShard shard, string name, SafetensorsDtype dtype, long count)
    {
        var tensor = file.Get(name);
        return tensor.Dtype == dtype && tensor.Shape is [var length] && length == count
            ? file.AddressOf(tensor)
            : throw Damaged(shard.Key, $"has a tensor '{name}' of another type or shape than its index says");
    }

    private static async Task VerifyAsync(LocalFile local, TokenShard shard, CancellationToken cancellation)
    {
        // Through the handle: the path may be gone already, the version is not.
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = new byte[1 << 16];
        for (var at = 0L; ;)
        {
            var count = await RandomAccess.ReadAsync(local.Handle, buffer, at, cancellation);
            if (count == 0)
                break;
            hash.AppendData(buffer, 0, count);
            at += count;
        }
        var digest = Convert.ToHexStringLower(hash.GetHashAndReset());
        if (digest != shard.Sha256)
            throw Damaged(shard.Key, $"has the digest {digest} instead of {shard.Sha256}");
    }

    private static GridException Damaged(string key, string what) =>
        new(ErrorCodes.DigestMismatch, $"The token shard '{key}' {what}; delete it and submit the job again.");
}
