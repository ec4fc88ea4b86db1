using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace Orleans.Runtime;

/// <summary>An opaque identifier: the key of a grain or the name of a grain type.</summary>
public readonly struct IdSpan : IEquatable<IdSpan>, IComparable<IdSpan>
{
    private readonly string? _value;

    private IdSpan(string value) => _value = value;

    public bool IsDefault => _value is null;

    public ReadOnlyMemory<byte> Value => Encoding.UTF8.GetBytes(_value ?? string.Empty);

    public static IdSpan Create(string id)
    {
        ArgumentException.ThrowIfNullOrEmpty(id);
        return new IdSpan(id);
    }

    public ReadOnlySpan<byte> AsSpan() => Value.Span;

    public int CompareTo(IdSpan other) => string.CompareOrdinal(_value, other._value);

    public bool Equals(IdSpan obj) => string.Equals(_value, obj._value, StringComparison.Ordinal);

    public override bool Equals([NotNullWhen(true)] object? obj) => obj is IdSpan other && Equals(other);

    public override int GetHashCode() => _value is null ? 0 : string.GetHashCode(_value, StringComparison.Ordinal);

    public override string ToString() => _value ?? string.Empty;

    public static bool operator ==(IdSpan left, IdSpan right) => left.Equals(right);

    public static bool operator !=(IdSpan left, IdSpan right) => !left.Equals(right);
}
