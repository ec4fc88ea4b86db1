namespace FineTuneGrid.Storage;

/// <summary>The element types of the safetensors format that we read and write; all have whole bytes.</summary>
public enum SafetensorsDtype
{
    Bool,
    U8,
    I8,
    I16,
    U16,
    F16,
    BF16,
    I32,
    U32,
    F32,
    F64,
    I64,
    U64,
}

public static class SafetensorsDtypes
{
    private static readonly Dictionary<string, SafetensorsDtype> ByName =
        Enum.GetValues<SafetensorsDtype>().ToDictionary(NameOf, StringComparer.Ordinal);

    /// <summary>All names, for messages: <c>BOOL, U8, ...</c></summary>
    public static string AllNames { get; } = string.Join(", ", ByName.Keys);

    /// <summary>Bytes per element.</summary>
    public static int SizeOf(this SafetensorsDtype dtype) => dtype switch
    {
        SafetensorsDtype.Bool or SafetensorsDtype.U8 or SafetensorsDtype.I8 => 1,
        SafetensorsDtype.I16 or SafetensorsDtype.U16 or SafetensorsDtype.F16 or SafetensorsDtype.BF16 => 2,
        SafetensorsDtype.I32 or SafetensorsDtype.U32 or SafetensorsDtype.F32 => 4,
        SafetensorsDtype.F64 or SafetensorsDtype.I64 or SafetensorsDtype.U64 => 8,
        _ => throw new ArgumentOutOfRangeException(nameof(dtype)),
    };

    /// <summary>The name in a header.</summary>
    public static string NameOf(this SafetensorsDtype dtype) => dtype.ToString().ToUpperInvariant();

    public static bool TryParse(string name, out SafetensorsDtype dtype) => ByName.TryGetValue(name, out dtype);
}
