using System.Net;

namespace FineTuneGrid.Gateway.Tests.Support;

/// <summary>
/// One thing of each kind of one organisation, and for every route that names such a thing the values of its parameters. A new
/// route that names something needs a row here.
/// </summary>
internal sealed class TenantThings
{
    private readonly List<(string Prefix, Dictionary<string, string> Values)> _rows = [];

    /// <param name="name">Of the model, the data set and the adapter.</param>
    public static async Task<TenantThings> MakeAsync(HttpClient member, string name)
    {
        await member.AddDatasetAsync(name);
        await member.AddModelAsync(name);
        await member.PushAdapterAsync(GatewayUnderTest.Acme, name + "-tuned", name, 32, "model.layers.0.self_attn.q_proj");
        var job = (await member.SubmitAsync(Samples.Job(name, name)).JsonAsync(HttpStatusCode.Created)).Text("id");
        var things = new TenantThings();
        things.Row("/api/v1/jobs/{id}", ("id", job));
        things.Row("/api/v1/datasets/{name}", ("name", name), ("path", "rows.jsonl"));
        things.Row("/api/v1/orgs/{org}", ("org", GatewayUnderTest.Acme));
        things.Row("/v1/files/{id}", ("id", await FileAsync(member)));
        things.Row("/v1/uploads/{id}", ("id", await UploadAsync(member)));
        things.Row("/v1/models/{**id}", ("id", $"{GatewayUnderTest.Acme}/{name}-tuned"));
        things.Row("/v1/fine_tuning/jobs/{id}", ("id", "ft" + job));
        things.Row("/v1/fine_tuning/checkpoints/{checkpoint}", ("checkpoint", $"ft:{name}:{GatewayUnderTest.Acme}:{name}-tuned:{job["job-".Length..]}"), ("id", "none"));
        things.Row("/api/v1/webhooks/{id}", ("id", (await member.PostAsync("/api/v1/webhooks", HttpAssert.Json($$"""{"url":"http://{{GatewayUnderTest.WebhookHost}}/"}""")).JsonAsync(HttpStatusCode.Created)).Text("id")));
        // Of a tree, the path is a folder's: the root's.
        things.Row("/api/models/{name}/tree/{rev}/", ("name", name), ("rev", "main"), ("path", ""));
        things.Row("/api/models/{org}/{name}/tree/{rev}/", ("org", GatewayUnderTest.Acme), ("name", name + "-tuned"), ("rev", "main"), ("path", ""));
        foreach (var prefix in (string[])["/api/v1/models/{name}", "/api/models/{name}", "/{name}/resolve/", "/{name}/raw/", "/{name}.git/"])
            things.Row(prefix, ("name", name), ("path", "config.json"), ("rev", "main"), ("export", "gguf"));
        foreach (var prefix in (string[])["/api/v1/adapters/{org}/{name}", "/api/models/{org}/{name}", "/{org}/{name}/resolve/", "/{org}/{name}/raw/", "/{org}/{name}.git/"])
            things.Row(prefix, ("org", GatewayUnderTest.Acme), ("name", name + "-tuned"), ("path", "adapter_config.json"), ("version", "1"), ("rev", "main"), ("export", "gguf"));
        return things;
    }

    private static async Task<string> FileAsync(HttpClient member)
    {
        using var form = new MultipartFormDataContent { { new StringContent("fine-tune"), "purpose" }, { new ByteArrayContent(Samples.Rows()), "file", "train.jsonl" } };
        return (await member.PostAsync("/v1/files", form).JsonAsync()).Text("id");
    }

    private static async Task<string> UploadAsync(HttpClient member) =>
        (await member.PostAsync("/v1/uploads", HttpAssert.Json("""{"filename":"train.jsonl","purpose":"fine-tune","bytes":10,"mime_type":"application/jsonl"}""")).JsonAsync()).Text("id");

    /// <summary>Null where no row is for the route.</summary>
    public IReadOnlyDictionary<string, string>? Of(MappedRoute route) => _rows.FirstOrDefault(r => route.Template.StartsWith(r.Prefix, StringComparison.Ordinal)).Values;

    private void Row(string prefix, params (string Name, string Value)[] values) => _rows.Add((prefix, values.ToDictionary(v => v.Name, v => v.Value)));
}
