using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Access;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Jobs;
using FineTuneGrid.Contracts.Models;
using FineTuneGrid.Gateway.Assets;
using FineTuneGrid.Gateway.Jobs;
using FineTuneGrid.Gateway.OpenAi.Files;
using FineTuneGrid.Gateway.OpenAi.Models;

namespace FineTuneGrid.Gateway.OpenAi.FineTuning;

/// <summary>From OpenAI's request to an accepted job: finds what the request names, and submits what <see cref="JobMapper"/> makes of it.</summary>
public sealed class JobOrders(NameResolver names, FileStore files, FineTunedModels tuned, JobSubmitter submitter)
{
    private const string FilePrefix = "file-";

    /// <summary>An Idempotency-Key that the native API has used for the same bytes is another request's.</summary>
    private static readonly byte[] Door = Encoding.ASCII.GetBytes("POST /v1/fine_tuning/jobs\n");

    private sealed record Base(ModelView Model, AdapterRef? Adapter = null, JsonObject? Method = null);

    /// <param name="key">The Idempotency-Key; null where the request has none.</param>
    /// <exception cref="GridException">Whatever is wrong, with the parameter's path as its field.</exception>
    public async Task<JobView> SubmitAsync(Principal caller, byte[] body, string? key, CancellationToken ct)
    {
        var request = RequestReader.Read(body);
        var org = NameResolver.OrgForWrite(caller, null);
        // What the job will see, not what the caller does.
        var owner = new Principal(caller.KeyId, org, Role.Member);
        var model = await BaseAsync(owner, request.Model);
        var train = await DataAsync(owner, request.TrainingFile, "training_file", ct);
        var validation = request.ValidationFile is { } file ? await DataAsync(owner, file, "validation_file", ct) : default;
        var (spec, origin) = JobMapper.Map(request, new JobBasis(org, await ReferenceAsync(owner, model.Model), model.Model.Name, train.Reference, train.Rows, validation.Reference)
        {
            FreshSeed = Random.Shared.Next(),
            Continued = model.Adapter?.ToString(),
            ContinuedMethod = model.Method,
        });
        var submission = await PrepareAsync(caller, spec, key, request.Method.Parameters);
        return await submitter.SubmitAsync(submission with { OpenAi = origin }, [.. Door, .. body], ct);
    }

    private async Task<JobSubmission> PrepareAsync(Principal caller, JobSpec spec, string? key, ParameterNames parameters)
    {
        try
        {
            return await submitter.PrepareAsync(caller, spec, key);
        }
        catch (GridException e) when (parameters.Find(e.Field) is { } param)
        {
            throw new GridException(e.Code, parameters.Translate(e.Message), param, e);
        }
    }

    /// <summary>A base model, or what an earlier job made: then the training goes on from it.</summary>
    private async Task<Base> BaseAsync(Principal owner, string name)
    {
        if (!FineTunedName.IsMeant(name)) return new Base(await names.FindModelAsync(owner, name, null) ?? throw FineTunedModels.Missing(name));
        var found = await tuned.RequireAsync(owner, name);
        var model = await names.FindModelAsync(owner, found.Version.Lineage.BaseModel!, null) ?? throw FineTunedModels.Missing(name);
        var method = found.Version.Lineage.Spec is { } spec ? JsonSerializer.SerializeToNode(spec)?["method"] as JsonObject : null;
        return new Base(model, found.Reference, method);
    }

    /// <summary>By name where that leads to it: the fine-tuned model is called after it. By id where the organisation's own hides a shared one.</summary>
    private async Task<string> ReferenceAsync(Principal owner, ModelView model) =>
        await names.FindModelAsync(owner, model.Name, null) is { } found && found.Id == model.Id ? model.Name : model.Id;

    /// <summary>An uploaded file's data set, or a registered one by its own name; rows where its inspection counted them.</summary>
    private async Task<(string Reference, long? Rows)> DataAsync(Principal owner, string given, string field, CancellationToken ct)
    {
        var name = given;
        if (given.StartsWith(FilePrefix, StringComparison.Ordinal))
        {
            var file = await files.FindAsync(owner.Org!, given, ct) ?? throw Unusable(field, $"there is no file '{given}'; upload it to /v1/files first");
            if (file.Purpose != FilePurposes.FineTune) throw Unusable(field, $"'{given}' has the purpose '{file.Purpose}'; upload it with the purpose '{FilePurposes.FineTune}'");
            name = file.Dataset;
        }
        try
        {
            return (name, (await names.DatasetAsync(owner, name, null, field)).Manifest?.Rows);
        }
        catch (GridException e) when (e.Code == ErrorCodes.NotFound)
        {
            throw Unusable(field, $"there is no file '{given}'; upload it to /v1/files first", e);
        }
    }

    private static GridException Unusable(string field, string why, Exception? inner = null) => new(ErrorCodes.InvalidValue, $"{field}: {why}.", field, inner);
}
