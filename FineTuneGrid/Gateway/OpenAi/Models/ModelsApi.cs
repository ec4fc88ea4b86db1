using FineTuneGrid.Contracts.Access;
using FineTuneGrid.Contracts;
using FineTuneGrid.Gateway.Access;
using FineTuneGrid.Gateway.OpenAi.Files;
using FineTuneGrid.Gateway.Problems;

namespace FineTuneGrid.Gateway.OpenAi.Models;

/// <summary>OpenAI's <c>/v1/models</c>: what a request's <c>model</c> may name.</summary>
public static class ModelsApi
{
    private sealed record ModelList(string Object, IReadOnlyList<ModelObject> Data);

    public static void MapModels(this IEndpointRouteBuilder routes)
    {
        var models = routes.MapGroup("/v1/models").WithTags("openai").WithErrors(ErrorForm.OpenAi).InArea(KeyScopes.Registry);
        models.MapGet("", List).RequireAuthorization(Policies.Reader).WithSummary("OpenAI's models: base models and what was made of them");
        // A catch-all, since org/adapter is a name too.
        models.MapGet("/{**id}", Get).RequireAuthorization(Policies.Reader).WithSummary("OpenAI's models: one of them");
        models.MapDelete("/{**id}", Delete).RequireAuthorization(Policies.Member).WithSummary("OpenAI's models: delete a fine-tuned one");
    }

    private static async Task<IResult> List(HttpContext context, ModelCatalog catalog) =>
        Results.Json(new ModelList("list", await catalog.ListAsync(context.Caller())), GridJson.Options);

    private static async Task<IResult> Get(HttpContext context, ModelCatalog catalog, string id) =>
        Results.Json(await catalog.GetAsync(context.Caller(), Uri.UnescapeDataString(id)), GridJson.Options);

    private static async Task<IResult> Delete(HttpContext context, ModelCatalog catalog, string id)
    {
        id = Uri.UnescapeDataString(id);
        await catalog.DeleteAsync(context.Caller(), id);
        return Results.Json(FileViews.Deleted("model", id), GridJson.Options);
    }
}
