using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Orleans.Runtime;

/// <summary>One incarnation of a silo: its endpoint and the second in which it started, written <c>S127.0.0.1:11111:123</c>.</summary>
[JsonConverter(typeof(SiloAddressConverter))]
public sealed class SiloAddress : IEquatable<SiloAddress>, IComparable<SiloAddress>
{
    private static readonly DateTime Epoch = new(2022, 1, 1, 0, 0, 0, DateTimeKind.Utc);

    private SiloAddress(IPEndPoint endpoint, int generation)
    {
        Endpoint = endpoint;
        Generation = generation;
    }

    public static SiloAddress Zero { get; } = new(new IPEndPoint(IPAddress.Any, 0), 0);

    public IPEndPoint Endpoint { get; }

    public int Generation { get; }

    /// <summary>Clients have a negative generation.</summary>
    public bool IsClient => Generation < 0;

    public static SiloAddress New(IPEndPoint ep, int gen)
    {
        ArgumentNullException.ThrowIfNull(ep);
        return new SiloAddress(ep, gen);
    }

    public static SiloAddress New(IPAddress address, int port, int generation) => New(new IPEndPoint(address, port), generation);

    public static int AllocateNewGeneration() => (int)((DateTime.UtcNow.Ticks - Epoch.Ticks) / TimeSpan.TicksPerSecond);

    /// <summary>The form <c>127.0.0.1:11111@123</c>.</summary>
    public string ToParsableString() => $"{Endpoint}@{Generation.ToString(CultureInfo.InvariantCulture)}";

    /// <exception cref="FormatException">The text is not <c>address:port@generation</c>.</exception>
    public static SiloAddress FromParsableString(string addr)
    {
        ArgumentNullException.ThrowIfNull(addr);
        var at = addr.LastIndexOf('@');
        if (at > 0
            && IPEndPoint.TryParse(addr.AsSpan(0, at), out var endpoint)
            && int.TryParse(addr.AsSpan(at + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var generation))
            return new SiloAddress(endpoint, generation);
        throw new FormatException($"Invalid silo address \"{addr}\": expected address:port@generation.");
    }

    public bool Equals(SiloAddress? other) => other is not null && Generation == other.Generation && Endpoint.Equals(other.Endpoint);

    public override bool Equals([NotNullWhen(true)] object? obj) => Equals(obj as SiloAddress);

    public override int GetHashCode() => HashCode.Combine(Endpoint, Generation);

    public int CompareTo(SiloAddress? other) => other is null ? 1 : string.CompareOrdinal(ToParsableString(), other.ToParsableString());

    public override string ToString() => $"{(IsClient ? 'C' : 'S')}{Endpoint}:{Generation.ToString(CultureInfo.InvariantCulture)}";
}

/// <summary>Writes a <see cref="SiloAddress"/> in its parsable form.</summary>
internal sealed class SiloAddressConverter : JsonConverter<SiloAddress>
{
    public override SiloAddress Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        SiloAddress.FromParsableString(reader.GetString() ?? throw new JsonException("Expected a silo address."));

    public override void Write(Utf8JsonWriter writer, SiloAddress value, JsonSerializerOptions options) =>
        writer.WriteStringValue(value.ToParsableString());

    public override void WriteAsPropertyName(Utf8JsonWriter writer, SiloAddress value, JsonSerializerOptions options) =>
        writer.WritePropertyName(value.ToParsableString());

    public override SiloAddress ReadAsPropertyName(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        SiloAddress.FromParsableString(reader.GetString()!);
}
