using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace FineTuneGrid.Models.Numerics;

/// <summary>
/// Random numbers without state: value i of a stream is a function of (seed, stream name, i) alone, so that a resumed run,
/// another process or another order of evaluation draws the same ones. The mixing function is that of SplitMix64
/// (Steele, Lea and Flood 2014).
/// </summary>
public readonly struct CounterRng
{
    private const ulong Step = 0x9E3779B97F4A7C15;
    private readonly ulong _key;

    private CounterRng(ulong key) => _key = key;

    /// <summary>The stream of this name under this seed.</summary>
    public static CounterRng Stream(long seed, string name)
    {
        Span<byte> digest = stackalloc byte[32];
        var text = new byte[8 + Encoding.UTF8.GetByteCount(name)];
        BinaryPrimitives.WriteInt64LittleEndian(text, seed);
        Encoding.UTF8.GetBytes(name, text.AsSpan(8));
        SHA256.HashData(text, digest);
        return new CounterRng(BinaryPrimitives.ReadUInt64LittleEndian(digest));
    }

    /// <summary>64 random bits.</summary>
    public ulong Bits(long index)
    {
        var z = _key + (ulong)(index + 1) * Step;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }

    /// <summary>Uniform in [0, 1), a multiple of 2^-53.</summary>
    public double Uniform(long index) => (Bits(index) >> 11) * (1.0 / (1UL << 53));

    /// <summary>Fills with uniform values in [-bound, bound); element i is number <paramref name="first"/> + i of the stream.</summary>
    public void FillUniform(Span<float> values, double bound, long first = 0)
    {
        for (var i = 0; i < values.Length; i++)
            values[i] = (float)((2 * Uniform(first + i) - 1) * bound);
    }

    /// <summary>Fills with normal values (Box and Muller 1958), one pair of draws for each element.</summary>
    public void FillNormal(Span<float> values, double deviation, long first = 0)
    {
        for (var i = 0; i < values.Length; i++)
        {
            var index = 2 * (first + i);
            var radius = Math.Sqrt(-2 * Math.Log(1 - Uniform(index)));
            values[i] = (float)(deviation * radius * Math.Cos(2 * Math.PI * Uniform(index + 1)));
        }
    }

    /// <summary>
    /// Fills with 0 (probability p, to within 2^-16) or 1 / (1 - p): an inverted dropout mask. Four elements share one draw.
    /// </summary>
    public void FillDropoutMask(Span<float> values, double p)
    {
        var threshold = (ulong)Math.Round(p * 65536);
        var keep = (float)(1 / (1 - p));
        for (var i = 0; i < values.Length; i += 4)
        {
            var bits = Bits(i >> 2);
            for (var j = i; j < Math.Min(i + 4, values.Length); j++)
            {
                values[j] = (bits & 0xFFFF) < threshold ? 0f : keep;
                bits >>= 16;
            }
        }
    }
}
