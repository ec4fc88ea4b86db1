using System.Buffers;

namespace FineTuneGrid.Storage;

/// <summary>What a reader accepts. The format sets the outer limits, a use of it tighter ones.</summary>
public sealed record SafetensorsProfile
{
    private static readonly SearchValues<char> AdapterNameCharacters =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");

    /// <summary>What the format allows (its reference reader has the same header limit), with a bound on the tensors of one file.</summary>
    public static SafetensorsProfile General { get; } = new()
    {
        MaxHeaderBytes = 100_000_000,
        MaxFileBytes = long.MaxValue,
        MaxTensors = 200_000,
        MaxNameLength = 1024,
        Dtypes = Enum.GetValues<SafetensorsDtype>().ToHashSet(),
    };

    /// <summary>One file of a base model: the largest published have some ten thousand tensors, and nobody waits for a hostile one.</summary>
    public static SafetensorsProfile Model { get; } = General with { MaxHeaderBytes = 32 << 20, MaxTensors = 60_000 };

    /// <summary>Adapters are small and plain: floating-point tensors with names of letters, digits, dot, dash, underscore.</summary>
    public static SafetensorsProfile Adapter { get; } = new()
    {
        MaxHeaderBytes = 8 << 20,
        MaxFileBytes = 2L << 30,
        MaxTensors = 20_000,
        MaxNameLength = 256,
        Dtypes = new HashSet<SafetensorsDtype> { SafetensorsDtype.F32, SafetensorsDtype.F16, SafetensorsDtype.BF16 },
        NameCharacters = AdapterNameCharacters,
    };

    public required long MaxHeaderBytes { get; init; }

    public required long MaxFileBytes { get; init; }

    public required int MaxTensors { get; init; }

    /// <summary>UTF-16 units.</summary>
    public required int MaxNameLength { get; init; }

    public required IReadOnlySet<SafetensorsDtype> Dtypes { get; init; }

    /// <summary>Null: any.</summary>
    public SearchValues<char>? NameCharacters { get; init; }
}
