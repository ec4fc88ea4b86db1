using FineTuneGrid.Contracts.Access;
using FineTuneGrid.Contracts.Adapters;
using FineTuneGrid.Contracts.Datasets;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Contracts.Models;
using FineTuneGrid.Contracts.Organisations;
using FineTuneGrid.Contracts.Training;
using Orleans;
using Orleans.Concurrency;

namespace FineTuneGrid.Contracts.Grains;

/// <summary>One organisation: the names of its models, data sets and adapters, and their ids. Key: the organisation's name.</summary>
[Alias("ftg.IOrgGrain")]
public interface IOrgGrain : IGrainWithStringKey
{
    /// <summary>The id behind a name, or null. <paramref name="kind"/>: <see cref="Ids.Model"/>, <see cref="Ids.Dataset"/> or <see cref="Ids.Adapter"/>.</summary>
    [AlwaysInterleave]
    [Alias("Find")]
    Task<string?> Find(string kind, string name);

    /// <summary>The id behind a name, made now if there is none.</summary>
    [Alias("Claim")]
    Task<string> Claim(string kind, string name);

    [Alias("Free")]
    Task Free(string kind, string name, string id);

    [AlwaysInterleave]
    [Alias("List")]
    Task<IReadOnlyDictionary<string, string>> List(string kind);

    /// <summary>Bytes that the organisation may keep in the store; null where it is not limited.</summary>
    [AlwaysInterleave]
    [Alias("Quota")]
    Task<long?> Quota();

    [Alias("SetQuota")]
    Task SetQuota(long? bytes);

    /// <summary>Makes the organisation known; the admin's first use creates it.</summary>
    [Alias("Ensure")]
    Task Ensure();
}

/// <summary>The list of organisations and all API keys. Key: <see cref="DirectoryKeys.Default"/>.</summary>
[Alias("ftg.IDirectoryGrain")]
public interface IDirectoryGrain : IGrainWithStringKey
{
    [Alias("AddOrg")]
    Task AddOrg(string org);

    [AlwaysInterleave]
    [Alias("Orgs")]
    Task<IReadOnlyList<string>> Orgs();

    /// <param name="secretHash">SHA-256 (peppered) of the secret, lower-case hexadecimal.</param>
    [Alias("AddKey")]
    Task<KeyView> AddKey(CreateKeyRequest request, string id, string secretHash);

    [AlwaysInterleave]
    [Alias("FindKey")]
    Task<Principal?> FindKey(string secretHash);

    [AlwaysInterleave]
    [Alias("Keys")]
    Task<IReadOnlyList<KeyView>> Keys();

    [Alias("Revoke")]
    Task<KeyView?> Revoke(string keyId);

    /// <summary>When keys were used last, by their ids; what is newer by less than <see cref="KeyView.LastUseWithin"/> is not kept.</summary>
    [Alias("NoteUses")]
    Task NoteUses(IReadOnlyDictionary<string, DateTimeOffset> uses);

    /// <exception cref="GridException"><c>conflict</c>: the subject is a member of another organisation.</exception>
    [Alias("SetMember")]
    Task<OrgMember> SetMember(string org, string subject, Role role);

    /// <summary>False where it was none.</summary>
    [Alias("RemoveMember")]
    Task<bool> RemoveMember(string org, string subject);

    [AlwaysInterleave]
    [Alias("Members")]
    Task<IReadOnlyList<OrgMember>> Members(string org);

    /// <summary>Null where the subject is nobody's member.</summary>
    [AlwaysInterleave]
    [Alias("FindMember")]
    Task<OrgMember?> FindMember(string subject);
}

public static class DirectoryKeys
{
    public const string Default = "default";
}

/// <summary>One base model. Key: its id.</summary>
[Alias("ftg.IModelGrain")]
public interface IModelGrain : IGrainWithStringKey
{
    [Alias("Create")]
    Task<ModelView> Create(string org, string name, string? license = null);

    /// <summary>Notes a file whose bytes are already stored. Replaces a file of the same path in a draft.</summary>
    [Alias("AddFile")]
    Task AddFile(SourceFile file);

    /// <summary>Inspects the files and makes the model ready, or fails with the inspector's finding. Idempotent.</summary>
    [Alias("Commit")]
    [ResponseTimeout("00:10:00")]
    Task<ModelView> Commit(string? license);

    [AlwaysInterleave]
    [Alias("Get")]
    Task<ModelView?> Get();

    /// <summary>A job holds or no longer needs the model.</summary>
    [Alias("Use")]
    Task Use(string jobId, bool inUse);

    /// <exception cref="GridException"><c>in_use</c> with the jobs that use it.</exception>
    [Alias("Delete")]
    Task Delete();
}

/// <summary>One data set. Key: its id.</summary>
[Alias("ftg.IDatasetGrain")]
public interface IDatasetGrain : IGrainWithStringKey
{
    [Alias("Create")]
    Task<DatasetView> Create(string org, string name, string? license = null);

    [Alias("AddFile")]
    Task AddFile(SourceFile file);

    [Alias("Commit")]
    [ResponseTimeout("00:10:00")]
    Task<DatasetView> Commit(string? license);

    [AlwaysInterleave]
    [Alias("Get")]
    Task<DatasetView?> Get();

    /// <summary>Rendered and tokenised for one base model; made once, then found again.</summary>
    [AlwaysInterleave]
    [Alias("Tokenize")]
    [ResponseTimeout("00:10:00")]
    Task<TokenIndex> Tokenize(ModelManifest model, string format, int sequenceLength);

    /// <summary>The same of texts that are to be classified, with their classes.</summary>
    [AlwaysInterleave]
    [Alias("TokenizeClasses")]
    [ResponseTimeout("00:10:00")]
    Task<TokenIndex> TokenizeClasses(ModelManifest model, int sequenceLength, ClassRequest classes);

    [Alias("Use")]
    Task Use(string jobId, bool inUse);

    [Alias("Delete")]
    Task Delete();
}

/// <summary>One adapter and its versions. Key: its id.</summary>
[Alias("ftg.IAdapterGrain")]
public interface IAdapterGrain : IGrainWithStringKey
{
    [Alias("Create")]
    Task<AdapterView> Create(string org, string name);

    /// <summary>Registers a version. The same <paramref name="publication"/>'s source twice gives the same version.</summary>
    [Alias("Publish")]
    [ResponseTimeout("00:05:00")]
    Task<AdapterVersionView> Publish(AdapterPublication publication);

    [AlwaysInterleave]
    [Alias("Get")]
    Task<AdapterView?> Get();

    /// <summary>Puts a version into a stage; the champion before goes to the archived ones. Where the stage's alias names it already, nothing changes.</summary>
    /// <exception cref="GridException">
    /// <c>not_found</c>: no such version; <c>gate_failed</c>: it does not keep a gate of its job, named by the field.
    /// </exception>
    [Alias("Promote")]
    Task<AdapterVersionView> Promote(StagePromotion promotion);

    /// <summary>What was promoted when and by whom, newest first.</summary>
    [AlwaysInterleave]
    [Alias("StageHistory")]
    Task<IReadOnlyList<StageChange>> StageHistory();

    /// <exception cref="GridException"><c>in_use</c>: the version is the champion.</exception>
    [Alias("Delete")]
    Task Delete(string? version);
}

/// <param name="Source">Job id or upload id: one publication each.</param>
/// <param name="Files">Where the bytes are now; the registry copies them under its own keys.</param>
/// <param name="Checkpoints">The job's committed checkpoints, oldest first.</param>
/// <param name="ParentSha256">Of the weights that the job continued from.</param>
public sealed record AdapterPublication(
    string Source, IReadOnlyList<SourceFile> Files, AdapterLineage Lineage, AdapterMetrics Metrics,
    IReadOnlyList<PublishedCheckpoint>? Checkpoints = null, string? ParentSha256 = null);

/// <summary>A checkpoint on the way to a published version.</summary>
/// <param name="AdapterSha256">Of the trained weights at that step.</param>
/// <param name="Manifest">Its key in the checkpoint store.</param>
public sealed record PublishedCheckpoint(int Step, string AdapterSha256, string OptimizerSha256, string Manifest);
