using System.Diagnostics;
using System.Security.Cryptography;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Access;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Jobs;
using FineTuneGrid.Gateway.Assets;
using FineTuneGrid.Gateway.Idempotency;
using FineTuneGrid.Gateway.Quotas;

namespace FineTuneGrid.Gateway.Jobs;

/// <summary>What every door does with a job that was read: who may, what it names, once for an Idempotency-Key, within the quota.</summary>
public sealed class JobSubmitter(JobAccess access, NameResolver names, LicenseDoor licenses, QuotaGate quotas, IdempotencyStore idempotency)
{
    /// <param name="key">The Idempotency-Key; null where the request has none.</param>
    public async Task<JobSubmission> PrepareAsync(Principal caller, JobSpec spec, string? key)
    {
        var org = AdapterRef.Parse(spec.Adapter, "adapter").Org;
        if (!caller.CanSee(org)) throw new GridException(ErrorCodes.NotFound, $"There is no organisation '{org}' that this key can see.", "adapter");
        if (!caller.CanWrite(org)) throw new GridException(ErrorCodes.Forbidden, $"This key may not write to organisation '{org}'.", "adapter");
        await CheckNamesAsync(new Principal(caller.KeyId, org, Role.Member), spec);
        return new JobSubmission(spec, org, caller, key) { TraceParent = Activity.Current?.Id };
    }

    /// <param name="request">The bytes that an Idempotency-Key stands for.</param>
    public async Task<JobView> SubmitAsync(JobSubmission submission, byte[] request, CancellationToken ct)
    {
        var id = submission.IdempotencyKey is not { } key ? access.NewId()
            : await idempotency.ClaimAsync(submission.By.KeyId, key, Convert.ToHexStringLower(SHA256.HashData(request)), access.NewId(), ct);
        // A repetition of what was accepted is answered, however full the store is meanwhile.
        if (submission.IdempotencyKey is null || await access.Grain(id).Get() is null) await quotas.RequireRoomAsync(submission.Org);
        return await access.Grain(id).Submit(submission);
    }

    /// <summary>A name that nobody knows, or licences that may not meet, are refused at once, not by a job that fails later. Seen as the job's organisation will see it.</summary>
    private async Task CheckNamesAsync(Principal submitter, JobSpec spec)
    {
        var model = (spec.BaseModelName() ?? spec.BaseModelInit()?.Tokenizer) is { } name ? await names.ModelAsync(submitter, name, null, "base_model") : null;
        var trained = spec.BaseModelInit() is null ? model : null;
        licenses.RequireSubmit(trained, await names.DatasetAsync(submitter, spec.Data.Train, null, "data.train"), "data.train");
        if (spec.Data.Validation is { } validation)
            licenses.RequireSubmit(trained, await names.DatasetAsync(submitter, validation, null, "data.validation"), "data.validation");
    }
}
