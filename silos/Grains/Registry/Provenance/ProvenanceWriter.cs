using System.Globalization;
using System.Text.Json;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Adapters;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Contracts.Provenance;

namespace FineTuneGrid.Grains.Registry.Provenance;

/// <summary>What is stated of a version: its files, and what they were made of.</summary>
internal static class ProvenanceWriter
{
    private const string Job = "urn:finetunegrid:job:v1";
    private const string Import = "urn:finetunegrid:import:v1";
    private const string Builder = "urn:finetunegrid:grid";
    private const string GridDigest = "ftgDigest";

    public static ProvenanceStatement Write(string adapter, string version, AdapterPublication publication, IEnumerable<SourceFile> files, DateTimeOffset time)
    {
        var lineage = publication.Lineage;
        return new ProvenanceStatement(
            ProvenanceStatement.StatementType,
            [.. files.OrderBy(f => f.Path, StringComparer.Ordinal).Select(f => ResourceDescriptor.OfFile(f.Path, f.Sha256))],
            ProvenanceStatement.SlsaType,
            new SlsaProvenance(
                new SlsaBuildDefinition(lineage.JobId is null ? Import : Job, Parameters(adapter, version, lineage), Internals(lineage), [.. Dependencies(publication)]),
                new SlsaRunDetails(
                    new SlsaBuilder(Builder, Known(("finetunegrid", lineage.Build))), new SlsaMetadata(lineage.JobId, time),
                    [.. (publication.Checkpoints ?? []).Select(Checkpoint)])));
    }

    private static Dictionary<string, JsonElement> Parameters(string adapter, string version, AdapterLineage lineage)
    {
        var parameters = new Dictionary<string, JsonElement>
        {
            ["adapter"] = JsonSerializer.SerializeToElement(adapter), ["version"] = JsonSerializer.SerializeToElement(version),
        };
        if (lineage.Spec is { } spec) parameters["spec"] = spec;
        return parameters;
    }

    private static Dictionary<string, string> Internals(AdapterLineage lineage) =>
        Known(("spec_sha256", lineage.SpecDigest), ("tokens_digest", lineage.TokensDigest), ("hardware", lineage.Hardware), ("kind", lineage.Kind));

    private static IEnumerable<ResourceDescriptor> Dependencies(AdapterPublication publication)
    {
        var lineage = publication.Lineage;
        if (lineage is { BaseModel: { } model, BaseDigest: { } digest }) yield return Asset("model", model, digest, lineage.BaseLicense);
        if (lineage is { Dataset: { } dataset, DatasetDigest: { } data }) yield return Asset("dataset", dataset, data, lineage.DatasetLicense);
        if (lineage.ParentAdapter is { } parent)
            yield return new ResourceDescriptor(parent, Known(("sha256", publication.ParentSha256)), $"urn:finetunegrid:adapter:{Uri.EscapeDataString(parent)}");
    }

    private static ResourceDescriptor Asset(string kind, string name, string digest, string? license) => new(
        name, Known((GridDigest, digest)), $"urn:finetunegrid:{kind}:{Uri.EscapeDataString(name)}", license is null ? null : Known(("license", license)));

    private static ResourceDescriptor Checkpoint(PublishedCheckpoint checkpoint) => new(
        $"checkpoint-{checkpoint.Step.ToString(CultureInfo.InvariantCulture)}", Known(("sha256", checkpoint.AdapterSha256)),
        Annotations: Known(("optimizer_sha256", checkpoint.OptimizerSha256), ("manifest", checkpoint.Manifest)));

    private static Dictionary<string, string> Known(params (string Key, string? Value)[] entries) =>
        entries.Where(e => e.Value is not null).ToDictionary(e => e.Key, e => e.Value!);
}
