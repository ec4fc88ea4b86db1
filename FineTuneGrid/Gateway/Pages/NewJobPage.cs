using System.Text;
using System.Text.Json;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Datasets;
using FineTuneGrid.Contracts.Jobs;
using FineTuneGrid.Contracts.Models;
using FineTuneGrid.Gateway.Access;
using FineTuneGrid.Gateway.Assets;
using FineTuneGrid.Gateway.Jobs;
using FineTuneGrid.Gateway.Problems;
using Microsoft.AspNetCore.Antiforgery;

namespace FineTuneGrid.Gateway.Pages;

/// <summary><c>/jobs/new</c>: a form for the fields that most jobs need, the request that it stands for as curl, and its submission.</summary>
public static class NewJobPage
{
    private const int MaxSpecBytes = 1 << 20;

    public static void MapNewJob(this IEndpointRouteBuilder routes)
    {
        routes.MapGet("/jobs/new", ShowAsync).RequireAuthorization(Policies.PageMember).ExcludeFromDescription();
        routes.MapPost("/jobs/new", SendAsync).RequireAuthorization(Policies.PageMember).ExcludeFromDescription();
    }

    private static async Task<IResult> ShowAsync(HttpContext context, JobAccess access, AssetService assets, string? from)
    {
        var caller = context.Caller();
        var form = from is null ? JobForm.Empty(context.Request.Query, caller.Org ?? "team") : JobForm.Of((await access.ViewAsync(caller, from)).Spec);
        return await PageAsync(context, assets, form, Html.Empty);
    }

    /// <summary>What the pressed button says: the request as curl, a plan, or the job itself.</summary>
    private static async Task<IResult> SendAsync(
        HttpContext context, IAntiforgery antiforgery, AssetService assets, JobAccess access, JobSubmitter submitter, CancellationToken ct)
    {
        await SessionPages.CheckFormAsync(context, antiforgery);
        var sent = await context.Request.ReadFormAsync(ct);
        var form = JobForm.Read(sent);
        try
        {
            if (Live.Wanted(context) == "curl") return Layout.Fragment(Curl(context, form));
            var body = Body(form);
            // A form that is sent twice is one job.
            var submission = await submitter.PrepareAsync(context.Caller(), JobSpecReader.Read(body), $"page-{sent["once"]}");
            if (sent["do"] == "plan") return await PageAsync(context, assets, form, Plan(await access.PlanAsync(submission)));
            return Results.Redirect($"/jobs/{(await submitter.SubmitAsync(submission, body, ct)).Id}");
        }
        catch (GridException e)
        {
            var field = e.Field is null ? Html.Empty : Html.Of($"<code>{e.Field}</code> ");
            var notice = Html.Of($"""<div class="notice bad" role="alert"><b>{e.Code}</b> {field}{e.Message}{Findings.List(e.ToError())}</div>""");
            return Live.Wanted(context) == "curl" ? Layout.Fragment(notice) : await PageAsync(context, assets, form, notice, ProblemMap.Status(e.Code));
        }
    }

    private static byte[] Body(JobForm form)
    {
        var body = Encoding.UTF8.GetBytes(form.ToSpec().ToJsonString(GridJson.Options));
        return body.Length <= MaxSpecBytes ? body : throw new GridException(ErrorCodes.TooLarge, $"The job may have at most {MaxSpecBytes} bytes.", JobForm.Rest);
    }

    private static async Task<IResult> PageAsync(HttpContext context, AssetService assets, JobForm form, Html notice, int status = 200)
    {
        var models = (await assets.ListAsync(AssetKind.Model, context.Caller())).Views.Cast<ModelView>().Where(m => m.Status == AssetStatus.Ready).Select(m => m.Name);
        var datasets = (await assets.ListAsync(AssetKind.Dataset, context.Caller())).Views.Cast<DatasetView>().Where(d => d.Status == AssetStatus.Ready).Select(d => d.Name);
        var lists = Html.Of($"""
            <datalist id="{JobForm.Models}">{Options(models)}</datalist>
            <datalist id="{JobForm.Datasets}">{Options(datasets)}</datalist>
            """);
        var groups = Html.Join(JobForm.Groups.Select(g => Html.Of($"<fieldset><legend>{g.Title}</legend>{Html.Join(g.Fields.Select(f => Field(f, form)))}</fieldset>")));
        return Layout.Page(context, "New job", Html.Of($"""
            <h1>New job</h1>{notice}
            <form class="job" method="post" action="/jobs/new" data-preview="curl">{Layout.Token(context)}<input type="hidden" name="once" value="{Guid.NewGuid():N}">
            {lists}{groups}
            <label class="wide">Further settings, as JSON <textarea name="{JobForm.Rest}" rows="4" spellcheck="false">{form[JobForm.Rest]}</textarea></label>
            <p class="hint">Fields left empty take the defaults of <a href="/api/v1/jobs/schema">the job's schema</a>.</p>
            <div class="row"><button class="primary" name="do" value="submit">Submit</button><button name="do" value="plan">Check and plan</button></div>
            </form>
            <h2>The same with curl</h2>
            <div id="curl" aria-live="polite">{Preview(context, form)}</div>
            """), status);
    }

    private static Html Options(IEnumerable<string> values) => Html.Join(values.Distinct().Order(StringComparer.Ordinal).Select(v => Html.Of($"""<option value="{v}"></option>""")));

    private static Html Field(JobField field, JobForm form)
    {
        var (value, hint) = (form[field.Name], Default(field));
        if (field.Choices is { } choices)
        {
            var options = Html.Join(choices.Select(c => c == value ? Html.Of($"<option selected>{c}</option>") : Html.Of($"<option>{c}</option>")));
            return Html.Of($"""<label>{field.Label} <select name="{field.Name}"><option value="">default: {hint}</option>{options}</select></label>""");
        }
        var list = field.List is null ? Html.Empty : Html.Of($""" list="{field.List}" """);
        var required = field.Required ? Html.Of($" required") : Html.Empty;
        var mode = field.Number ? Html.Of($""" inputmode="decimal" """) : Html.Empty;
        return Html.Of($"""<label>{field.Label} <input name="{field.Name}" value="{value}" placeholder="{hint}"{list}{mode}{required}></label>""");
    }

    /// <summary>What the schema fills in where the field is empty.</summary>
    private static string Default(JobField field)
    {
        var at = JobSchema.Create()["properties"];
        foreach (var name in field.Path[..^1]) at = at?[name]?["properties"];
        return at?[field.Path[^1]]?["default"]?.ToString() ?? "";
    }

    private static Html Plan(JobPlan plan) => Html.Of($"""
        <div class="notice good" role="status"><p>It can run: {plan.Resolved.TotalSteps} steps over {Format.Count(plan.Resolved.TrainExamples)} examples, {Format.Count(plan.Resolved.TrainableParameters)} parameters,
        {Format.Bytes(plan.Resolved.MemoryBytes)} of memory, about {Format.Duration(plan.Resolved.EstimatedSeconds)} on {plan.Resolved.Device} in {plan.Resolved.Precision}. Nothing was submitted.</p>
        <details><summary>All that was resolved</summary><pre tabindex="0">{JsonSerializer.Serialize(plan, GridJson.Indented)}</pre></details></div>
        """);

    /// <summary>As far as the form can be read; an unreadable one says so when it is sent.</summary>
    private static Html Preview(HttpContext context, JobForm form)
    {
        try
        {
            return Curl(context, form);
        }
        catch (GridException)
        {
            return Html.Of($"""<p class="empty">The further settings are no JSON object yet.</p>""");
        }
    }

    /// <summary>A single quote ends the shell's quoted text, so each is written as one that stands outside.</summary>
    private static Html Curl(HttpContext context, JobForm form) => Html.Of($"""
        <pre tabindex="0">curl -X POST {context.Request.Scheme}://{context.Request.Host}/api/v1/jobs -H "Authorization: Bearer KEY" -H "Content-Type: application/json" -d '{form.ToSpec().ToJsonString(GridJson.Indented).Replace("'", "'\\''", StringComparison.Ordinal)}'</pre>
        """);
}
