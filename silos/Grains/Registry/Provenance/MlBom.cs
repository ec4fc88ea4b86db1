using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Adapters;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Inspection;

namespace FineTuneGrid.Grains.Registry.Provenance;

/// <summary>The bill of materials of a version in CycloneDX 1.6 (https://cyclonedx.org/docs/1.6/json/): the adapter, its base and its data.</summary>
internal static class MlBom
{
    public const string FileName = "bom.cdx.json";

    private const string Adapter = "adapter";
    private const string Base = "base";
    private const string Data = "data";

    public static byte[] Write(string adapter, string version, AdapterPublication publication, IEnumerable<SourceFile> files, DateTimeOffset time)
    {
        var (lineage, metrics) = (publication.Lineage, publication.Metrics);
        var components = new JsonArray();
        var uses = new JsonArray();
        if (lineage.BaseModel is { } model)
        {
            components.Add(Component("machine-learning-model", Base, model, lineage.BaseDigest, lineage.BaseLicense));
            uses.Add(Base);
        }
        if (lineage.Dataset is { } dataset)
        {
            components.Add(Component("data", Data, dataset, lineage.DatasetDigest, lineage.DatasetLicense));
            uses.Add(Data);
        }
        var bom = new JsonObject
        {
            ["bomFormat"] = "CycloneDX",
            ["specVersion"] = "1.6",
            ["serialNumber"] = $"urn:uuid:{SerialNumber(adapter, version, publication.Source)}",
            ["version"] = 1,
            ["metadata"] = new JsonObject
            {
                ["timestamp"] = time.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ssZ", System.Globalization.CultureInfo.InvariantCulture),
                ["component"] = Subject(adapter, version, lineage, metrics, files),
            },
            ["components"] = components,
            ["dependencies"] = new JsonArray(new JsonObject { ["ref"] = Adapter, ["dependsOn"] = uses }),
        };
        return JsonSerializer.SerializeToUtf8Bytes(bom, GridJson.Indented);
    }

    private static JsonObject Subject(string adapter, string version, AdapterLineage lineage, AdapterMetrics metrics, IEnumerable<SourceFile> files)
    {
        var parameters = new JsonObject();
        if (lineage.Dataset is not null) parameters["datasets"] = new JsonArray(new JsonObject { ["ref"] = Data });
        var measured = new (string Name, double? Value)[]
        {
            ("train_loss", metrics.TrainLoss), ("valid_loss", metrics.ValidLoss), ("valid_accuracy", metrics.Valid?.Accuracy), ("valid_macro_f1", metrics.Valid?.MacroF1),
        };
        var figures = new JsonArray([.. measured.Where(m => m.Value is not null).Select(m => (JsonNode)new JsonObject
        {
            ["type"] = m.Name, ["value"] = m.Value!.Value.ToString("R", System.Globalization.CultureInfo.InvariantCulture),
        })]);
        var subject = new JsonObject
        {
            ["type"] = "machine-learning-model",
            ["bom-ref"] = Adapter,
            ["name"] = adapter,
            ["version"] = version,
            ["modelCard"] = new JsonObject { ["modelParameters"] = parameters, ["quantitativeAnalysis"] = new JsonObject { ["performanceMetrics"] = figures } },
            ["components"] = new JsonArray([.. files.OrderBy(f => f.Path, StringComparer.Ordinal).Select(f => (JsonNode)new JsonObject
            {
                ["type"] = "file", ["name"] = f.Path, ["hashes"] = new JsonArray(new JsonObject { ["alg"] = "SHA-256", ["content"] = f.Sha256 }),
            })]),
        };
        Add(subject, [("finetunegrid:kind", lineage.Kind), ("finetunegrid:job", lineage.JobId), ("finetunegrid:spec_sha256", lineage.SpecDigest),
            ("finetunegrid:build", lineage.Build), ("finetunegrid:hardware", lineage.Hardware), ("finetunegrid:parent", lineage.ParentAdapter)]);
        return subject;
    }

    private static JsonObject Component(string type, string reference, string name, string? digest, string? license)
    {
        var component = new JsonObject { ["type"] = type, ["bom-ref"] = reference, ["name"] = name };
        if (license is not null) component["licenses"] = new JsonArray(new JsonObject { ["license"] = new JsonObject { ["name"] = license } });
        Add(component, [("finetunegrid:digest", digest)]);
        return component;
    }

    private static void Add(JsonObject component, (string Name, string? Value)[] properties)
    {
        var known = properties.Where(p => p.Value is not null).Select(p => (JsonNode)new JsonObject { ["name"] = p.Name, ["value"] = p.Value }).ToArray();
        if (known.Length > 0) component["properties"] = new JsonArray(known);
    }

    /// <summary>The same version gives the same number: a UUID of version 8 (RFC 9562) from its name and source.</summary>
    private static Guid SerialNumber(string adapter, string version, string source)
    {
        var bytes = SHA256.HashData(JsonSerializer.SerializeToUtf8Bytes(new[] { adapter, version, source }))[..16];
        bytes[6] = (byte)((bytes[6] & 0x0f) | 0x80);
        bytes[8] = (byte)((bytes[8] & 0x3f) | 0x80);
        return new Guid(bytes, bigEndian: true);
    }
}
