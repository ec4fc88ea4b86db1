using System.Diagnostics.CodeAnalysis;

namespace Orleans.Runtime;

/// <summary>The name of a kind of grain, by convention the class name in lower case without the suffix "grain".</summary>
public readonly struct GrainType(IdSpan id) : IEquatable<GrainType>, IComparable<GrainType>
{
    public IdSpan Value { get; } = id;

    public bool IsDefault => Value.IsDefault;

    public static GrainType Create(string value) => new(IdSpan.Create(value));

    public ReadOnlySpan<byte> AsSpan() => Value.AsSpan();

    public int CompareTo(GrainType other) => Value.CompareTo(other.Value);

    public bool Equals(GrainType obj) => Value.Equals(obj.Value);

    public override bool Equals([NotNullWhen(true)] object? obj) => obj is GrainType other && Equals(other);

    public override int GetHashCode() => Value.GetHashCode();

    public override string? ToString() => Value.ToString();

    public static bool operator ==(GrainType left, GrainType right) => left.Equals(right);

    public static bool operator !=(GrainType left, GrainType right) => !left.Equals(right);

    public static explicit operator IdSpan(GrainType kind) => kind.Value;

    public static explicit operator GrainType(IdSpan id) => new(id);
}
