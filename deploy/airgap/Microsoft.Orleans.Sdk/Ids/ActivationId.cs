using System.Diagnostics.CodeAnalysis;

namespace Orleans.Runtime;

/// <summary>The identity of one activation of a grain: a new one each time the grain is activated.</summary>
public readonly struct ActivationId(Guid key) : IEquatable<ActivationId>
{
    private readonly Guid _key = key;

    public bool IsDefault => _key == Guid.Empty;

    public static ActivationId NewId() => new(Guid.NewGuid());

    public bool Equals(ActivationId other) => _key == other._key;

    public override bool Equals([NotNullWhen(true)] object? obj) => obj is ActivationId other && Equals(other);

    public override int GetHashCode() => _key.GetHashCode();

    public string ToParsableString() => ToString();

    public override string ToString() => IsDefault ? "@default" : $"@{_key:N}";

    public static bool operator ==(ActivationId left, ActivationId right) => left.Equals(right);

    public static bool operator !=(ActivationId left, ActivationId right) => !left.Equals(right);
}

/// <summary>Where an activation lives.</summary>
public sealed class GrainAddress : IEquatable<GrainAddress>
{
    public GrainId GrainId { get; init; }

    public ActivationId ActivationId { get; init; }

    public SiloAddress? SiloAddress { get; init; }

    public bool IsComplete => !GrainId.IsDefault && !ActivationId.IsDefault && SiloAddress is not null;

    public bool Equals(GrainAddress? other) => Matches(other);

    public override bool Equals([NotNullWhen(true)] object? obj) => Equals(obj as GrainAddress);

    public override int GetHashCode() => HashCode.Combine(SiloAddress, GrainId, ActivationId);

    public bool Matches(GrainAddress? other) =>
        other is not null && GrainId == other.GrainId && ActivationId == other.ActivationId && Equals(SiloAddress, other.SiloAddress);

    public override string ToString() => $"[{nameof(GrainAddress)} GrainId {GrainId}, ActivationId: {ActivationId}, SiloAddress: {SiloAddress}]";
}
