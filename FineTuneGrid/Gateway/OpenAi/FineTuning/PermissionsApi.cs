using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Access;
using FineTuneGrid.Gateway.Access;
using FineTuneGrid.Gateway.Assets;
using FineTuneGrid.Gateway.OpenAi.Models;
using FineTuneGrid.Gateway.Problems;

namespace FineTuneGrid.Gateway.OpenAi.FineTuning;

/// <summary>
/// OpenAI's permissions of checkpoints. A fine-tuned model belongs to its organisation alone here, so that there are none: the list
/// is empty, and giving one is refused with the way that there is.
/// </summary>
public static class PermissionsApi
{
    public static void MapCheckpointPermissions(this IEndpointRouteBuilder routes)
    {
        var permissions = routes.MapGroup("/v1/fine_tuning/checkpoints/{checkpoint}/permissions").WithTags("openai").WithErrors(ErrorForm.OpenAi).InArea(KeyScopes.Jobs);
        permissions.MapGet("", List).RequireAuthorization(Policies.Reader).WithSummary("OpenAI's fine-tuning: who else may use a checkpoint; nobody");
        permissions.MapPost("", Create).RequireAuthorization(Policies.Member).WithSummary("OpenAI's fine-tuning: refused, since models are not shared between organisations");
        permissions.MapDelete("/{id}", Delete).RequireAuthorization(Policies.Member).WithSummary("OpenAI's fine-tuning: refused, since there are no permissions");
    }

    private static async Task<IResult> List(HttpContext context, NameResolver names, string checkpoint)
    {
        await CheckAsync(context, names, checkpoint);
        return FineTuningJson.Result(FineTuningPage<string>.Of([], more: false, id => id));
    }

    private static async Task<IResult> Create(HttpContext context, NameResolver names, string checkpoint)
    {
        await CheckAsync(context, names, checkpoint);
        throw new GridException(ErrorCodes.InvalidValue,
            "project_ids: a fine-tuned model is its organisation's alone and cannot be shared; pull its adapter and push it to the other organisation.", "project_ids");
    }

    private static async Task<IResult> Delete(HttpContext context, NameResolver names, string checkpoint, string id)
    {
        await CheckAsync(context, names, checkpoint);
        throw new GridException(ErrorCodes.NotFound, $"There is no permission '{id}'.", "permission_id");
    }

    private static async Task CheckAsync(HttpContext context, NameResolver names, string checkpoint)
    {
        if (!FineTunedName.TryParse(Uri.UnescapeDataString(checkpoint), out var name) || await names.FindAdapterAsync(context.Caller(), name.Organisation, name.Suffix) is null)
            throw new GridException(ErrorCodes.NotFound, $"There is no checkpoint '{checkpoint}'.", "fine_tuned_model_checkpoint");
    }
}
