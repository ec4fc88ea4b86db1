using System.Text.Json;
using FineTuneGrid.Contracts;

namespace FineTuneGrid.Text.Tests;

/// <summary>Templates must render, mark and fail exactly where Jinja2 does.</summary>
public sealed class TemplateReferenceTests
{
    [Theory]
    [InlineData("snippets.case.json", 78)]
    [InlineData("families.case.json", 315)]
    public void Render_RepositoryCases_EqualJinja(string name, int atLeast)
    {
        var cases = Load(Path.Combine(AppContext.BaseDirectory, "Fixtures", "templates", name));
        Assert.True(cases.Length >= atLeast, $"only {cases.Length} cases");
        Check(cases);
    }

    [Fact]
    public void Render_CasesOfTheEnvironment_EqualJinja()
    {
        if (Environment.GetEnvironmentVariable("FTG_TEMPLATE_CASES") is { Length: > 0 } folder)
            Check(Load(Path.Combine(folder, "families.case.json")));
    }

    /// <summary>Templates with their cases; one that has none of its own is its case.</summary>
    private static (string Template, JsonElement Case)[] Load(string file)
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(file));
        return [.. document.RootElement.EnumerateArray().SelectMany(item =>
            (item.TryGetProperty("cases", out var cases) ? cases.EnumerateArray() : new[] { item }.AsEnumerable()).Select(c => (item.GetProperty("template").GetString()!, c.Clone())))];
    }

    private static void Check((string Template, JsonElement Case)[] cases)
    {
        List<string> wrong = [];
        foreach (var (source, item) in cases)
        {
            var variables = item.GetProperty("variables").EnumerateObject().ToDictionary(p => p.Name, p => p.Value);
            var expected = item.TryGetProperty("expected", out var value) ? value.GetString()! : "error " + item.GetProperty("error").GetString();
            string actual;
            try
            {
                var rendered = ChatTemplate.Parse(source).Render(variables);
                actual = rendered.Text;
                Spans(item, rendered, wrong);
            }
            catch (GridException problem)
            {
                actual = "error " + problem.Message;
            }
            if (actual != expected && !(actual.StartsWith("error ", StringComparison.Ordinal) && expected.StartsWith("error ", StringComparison.Ordinal)))
                wrong.Add($"{source}\n  expected {JsonSerializer.Serialize(expected)}\n  was      {JsonSerializer.Serialize(actual)}");
        }
        Assert.True(wrong.Count == 0, $"{wrong.Count} wrong:\n" + string.Join('\n', wrong.Take(10)));
    }

    private static void Spans(JsonElement item, RenderedText rendered, List<string> wrong)
    {
        if (!item.TryGetProperty("spans", out var spans))
            return;
        // The reference counts code points.
        var expected = spans.EnumerateArray().Select(s => (Units(rendered.Text, s[0].GetInt32()), Units(rendered.Text, s[1].GetInt32())));
        if (!expected.SequenceEqual(rendered.Spans))
            wrong.Add($"spans of {rendered.Text}: {string.Join(' ', rendered.Spans)}");
    }

    private static int Units(string text, int codePoints) => text.EnumerateRunes().Take(codePoints).Sum(rune => rune.Utf16SequenceLength);
}
