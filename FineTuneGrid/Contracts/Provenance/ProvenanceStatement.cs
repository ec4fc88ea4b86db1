using System.Text.Json;
using System.Text.Json.Serialization;

namespace FineTuneGrid.Contracts.Provenance;

/// <summary>An in-toto Statement v1 (https://in-toto.io/Statement/v1) with a SLSA provenance v1 predicate (https://slsa.dev/provenance/v1).</summary>
/// <param name="Subject">Every file of the version except the envelope that holds this statement.</param>
public sealed record ProvenanceStatement(
    [property: JsonPropertyName("_type")] string Type,
    [property: JsonPropertyName("subject")] IReadOnlyList<ResourceDescriptor> Subject,
    [property: JsonPropertyName("predicateType")] string PredicateType,
    [property: JsonPropertyName("predicate")] SlsaProvenance Predicate)
{
    /// <summary>The envelope's file in an adapter's folder.</summary>
    public const string FileName = "provenance.intoto.jsonl";

    /// <summary>The public key's file in an adapter's folder.</summary>
    public const string KeyFileName = "provenance.pub";

    public const string PayloadType = "application/vnd.in-toto+json";
    public const string StatementType = "https://in-toto.io/Statement/v1";
    public const string SlsaType = "https://slsa.dev/provenance/v1";

    private static readonly JsonSerializerOptions Json = new(GridJson.Options) { PropertyNamingPolicy = JsonNamingPolicy.CamelCase };

    public byte[] Write() => JsonSerializer.SerializeToUtf8Bytes(this, Json);

    /// <exception cref="GridException">invalid_value: another kind of statement.</exception>
    public static ProvenanceStatement Read(DsseEnvelope envelope)
    {
        try
        {
            if (envelope.PayloadType == PayloadType && JsonSerializer.Deserialize<ProvenanceStatement>(envelope.Payload, Json) is { Type: StatementType, PredicateType: SlsaType, Subject: not null } statement)
                return statement;
        }
        catch (JsonException e)
        {
            throw new GridException(ErrorCodes.InvalidValue, $"The signed statement is damaged: {e.Message}", inner: e);
        }
        throw new GridException(ErrorCodes.InvalidValue, "The envelope holds no SLSA provenance of a file.");
    }
}

/// <summary>A thing and its digests, as in-toto names it.</summary>
/// <param name="Digest">Algorithm to value: <c>sha256</c> in lower-case hex for bytes, <c>ftgDigest</c> for the digest that the grid gives a model or data set.</param>
public sealed record ResourceDescriptor(
    string? Name, IReadOnlyDictionary<string, string> Digest, string? Uri = null, IReadOnlyDictionary<string, string>? Annotations = null)
{
    public static ResourceDescriptor OfFile(string name, string sha256) => new(name, new Dictionary<string, string> { ["sha256"] = sha256 });
}

public sealed record SlsaProvenance(SlsaBuildDefinition BuildDefinition, SlsaRunDetails RunDetails);

public sealed record SlsaBuildDefinition(
    string BuildType, IReadOnlyDictionary<string, JsonElement> ExternalParameters, IReadOnlyDictionary<string, string> InternalParameters,
    IReadOnlyList<ResourceDescriptor> ResolvedDependencies);

public sealed record SlsaRunDetails(SlsaBuilder Builder, SlsaMetadata Metadata, IReadOnlyList<ResourceDescriptor> Byproducts);

public sealed record SlsaBuilder(string Id, IReadOnlyDictionary<string, string> Version);

public sealed record SlsaMetadata(string? InvocationId, DateTimeOffset FinishedOn);
