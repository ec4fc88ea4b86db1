using System.Text;
using FineTuneGrid.EndToEnd;

namespace FineTuneGrid.Clients.Tests.Support;

/// <summary>A whole grid with a node that trains, and the sample base model as <c>tiny</c>, with a chat template.</summary>
public sealed class LiveGrid : IAsyncLifetime
{
    public const string Name = "live grid";

    /// <summary>The sample model has no template of its own.</summary>
    private const string Template =
        "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}{{ eos_token }}{% endfor %}{% if add_generation_prompt %}assistant: {% endif %}";

    private GridProcess _grid = null!;

    internal OpenAiClient Client { get; private set; } = null!;

    internal string Log => _grid.Log;

    public async Task InitializeAsync()
    {
        _grid = await GridProcess.StartAsync();
        try
        {
            var folder = Path.Combine(NodeModules.Repository, "datasets", "samples", "tiny");
            (await _grid.AddAsync("models", "tiny", [.. Directory.EnumerateFiles(folder).Select(f => (Path.GetFileName(f), File.ReadAllBytes(f))), ("chat_template.jinja", Encoding.UTF8.GetBytes(Template))])).Ok();
            var key = (await _grid.PostAsync("/api/v1/keys", """{"name":"client","org":"team","role":"member"}""")).Ok()["secret"]!;
            Client = new OpenAiClient(new Uri(_grid.Address), key);
        }
        catch
        {
            await _grid.DisposeAsync(); // A fixture that was not made is not disposed of.
            throw;
        }
    }

    public async Task DisposeAsync() => await _grid.DisposeAsync();

    /// <summary>JSON lines of prompts and completions.</summary>
    internal static byte[] Rows(int count) =>
        Encoding.UTF8.GetBytes(string.Concat(Enumerable.Range(0, count).Select(i => $$"""{"prompt":"The box holds {{i}} pens. Anna","completion":" counts {{i}} pens."}""" + "\n")));
}

[CollectionDefinition(LiveGrid.Name)]
public sealed class LiveGridGroup : ICollectionFixture<LiveGrid>;
