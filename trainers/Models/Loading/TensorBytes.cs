using System.Security.Cryptography;
using static TorchSharp.torch;

namespace FineTuneGrid.Models.Loading;

/// <summary>Moves raw bytes in and out of tensors in pieces, since one span holds at most 2 GB.</summary>
public static class TensorBytes
{
    private const long Piece = 64L << 20;

    private delegate void Visit(long offset, Span<byte> bytes);

    /// <summary>Reads a stored tensor into CPU memory with its stored dtype.</summary>
    public static Tensor Load(ITensorSource source, string name)
    {
        var info = source.Describe(name);
        var result = empty(info.Shape, info.Type);
        ForEach(result, (offset, bytes) => source.Read(name, offset, bytes));
        return result;
    }

    /// <summary>Writes a CPU tensor's elements, little-endian and row-major.</summary>
    public static void Write(Tensor tensor, Stream destination)
    {
        using var flat = tensor.detach().contiguous();
        ForEach(flat, (_, bytes) => destination.Write(bytes));
    }

    /// <summary>Copies of a CPU tensor's elements, a piece after the other. Takes the tensor over.</summary>
    public static IEnumerable<ReadOnlyMemory<byte>> Pieces(Tensor tensor)
    {
        using (tensor)
        {
            using var flat = tensor.contiguous().view(-1);
            long count = flat.NumberOfElements, step = Piece / flat.ElementSize;
            for (long at = 0; at < count; at += step)
            {
                using var part = flat.narrow(0, at, Math.Min(step, count - at));
                yield return part.bytes.ToArray();
            }
        }
    }

    /// <summary>Copies a contiguous tensor's elements, on any device, to the beginning of host memory.</summary>
    public static void CopyTo(Tensor tensor, byte[] destination)
    {
        using var scope = NewDisposeScope();
        ForEach(tensor.cpu(), (offset, bytes) => bytes.CopyTo(destination.AsSpan(checked((int)offset))));
    }

    /// <summary>Overwrites a contiguous CPU tensor's elements.</summary>
    /// <exception cref="EndOfStreamException">The source holds fewer bytes than the tensor.</exception>
    public static void Read(Tensor tensor, Stream source) => ForEach(tensor, (_, bytes) => source.ReadExactly(bytes));

    /// <summary>Lower-case SHA-256 of the elements' bytes.</summary>
    public static string Sha256(Tensor tensor)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        using var flat = tensor.detach().contiguous();
        ForEach(flat, (_, bytes) => hash.AppendData(bytes));
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private static void ForEach(Tensor tensor, Visit visit)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        var flat = tensor.view(-1);
        var size = flat.ElementSize;
        long count = flat.NumberOfElements, step = Piece / size;
        for (long at = 0; at < count; at += step)
        {
            using var part = flat.narrow(0, at, Math.Min(step, count - at));
            visit(at * size, part.bytes);
        }
    }
}
