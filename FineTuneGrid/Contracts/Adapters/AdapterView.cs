using System.Globalization;
using System.Text.Json;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Contracts.Jobs;

namespace FineTuneGrid.Contracts.Adapters;

public sealed record AdapterView(string Id, string Org, string Name, DateTimeOffset CreatedAt, IReadOnlyList<AdapterVersionView> Versions)
{
    /// <summary>By number, or by the alias of a stage; the newest where nothing is given. Null where there is none.</summary>
    public AdapterVersionView? Find(string? versionOrAlias) => versionOrAlias switch
    {
        null => Versions.MaxBy(v => int.Parse(v.Version, CultureInfo.InvariantCulture)),
        _ when AdapterStages.All.Contains(versionOrAlias) => AdapterStages.Holder(Versions, versionOrAlias),
        _ => Versions.FirstOrDefault(v => v.Version == versionOrAlias),
    };
}

/// <summary>One version of an adapter: all but its stage is as it was registered.</summary>
/// <param name="Version">Bare number: <c>1</c>, <c>2</c> ...</param>
/// <param name="Revision">40 hexadecimal digits, a function of the files: the commit id that Hub clients see.</param>
/// <param name="Stage">One of <see cref="AdapterStages"/>; null before it was promoted.</param>
/// <param name="StageSeq">The <see cref="StageChange.Seq"/> that brought it there.</param>
public sealed record AdapterVersionView(
    string Version, string Revision, DateTimeOffset CreatedAt, AdapterLineage Lineage, AdapterMetrics Metrics, IReadOnlyList<SourceFile> Files,
    string? Stage = null, int? StageSeq = null);

/// <summary>
/// <c>finetunegrid.json</c> in an adapter's folder: where it comes from, and the digest of every other file, so that a folder can
/// be verified without the registry.
/// </summary>
/// <param name="Files">Path, length and SHA-256 of every other file of the version.</param>
public sealed record AdapterManifest(
    int FormatVersion, string Adapter, string Version, AdapterLineage Lineage, AdapterMetrics Metrics, IReadOnlyList<AdapterFile> Files)
{
    public const string FileName = "finetunegrid.json";
    public const int CurrentFormat = 1;
}

public sealed record AdapterFile(string Path, long Length, string Sha256);

/// <summary>Where an adapter comes from.</summary>
/// <param name="Kind"><c>lora</c>, <c>full</c>, or <c>imported</c> for a pushed adapter.</param>
public sealed record AdapterLineage(
    string Kind,
    string? JobId,
    string? BaseModel,
    string? BaseDigest,
    string? BaseLicense,
    string? Dataset,
    string? DatasetDigest,
    string? DatasetLicense,
    string? TokensDigest,
    string? ParentAdapter,
    string? Build,
    string? Hardware,
    string? SpecDigest,
    JsonElement? Spec);

/// <param name="Valid">Of a classifier on its validation data.</param>
public sealed record AdapterMetrics(int? Steps, double? TrainLoss, double? ValidLoss, long? TokensSeen, double? TrainSeconds, ClassScores? Valid = null);

/// <summary>A version's stored files, read again and held against their digests.</summary>
/// <param name="Whole">Whether no file has a problem.</param>
public sealed record AdapterCheck(string Adapter, string Version, bool Whole, IReadOnlyList<AdapterFileCheck> Files);

/// <param name="Problem">What is wrong with the stored bytes; null where nothing is.</param>
public sealed record AdapterFileCheck(string Path, long Length, string Sha256, string? Problem);
