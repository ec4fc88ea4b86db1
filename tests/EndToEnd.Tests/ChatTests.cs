using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;

namespace FineTuneGrid.EndToEnd;

/// <summary>Conversations with the base and with an adapter, whole and as streams, by one process that keeps the base in memory.</summary>
[Collection(SharedGrid.Name)]
public sealed class ChatTests(SharedGrid shared)
{
    private GridProcess Grid => shared.Grid;

    [Theory]
    [InlineData("base")]
    [InlineData(SharedGrid.ReferenceAdapter)]
    public async Task Stream_OfAConversation_SaysWhatTheWholeAnswerSays(string model)
    {
        const int tokens = 150; // Enough that the first are told before the last is there.
        var whole = (await Grid.PostAsync("/v1/chat/completions", Body(model, stream: false, tokens))).Ok().Json;
        var expected = whole.GetProperty("choices")[0];

        using var response = await Grid.Http.SendAsync(
            new HttpRequestMessage(HttpMethod.Post, "/v1/chat/completions") { Content = new StringContent(Body(model, stream: true, tokens), Encoding.UTF8, new MediaTypeHeaderValue("application/json")) },
            HttpCompletionOption.ResponseHeadersRead);
        var text = await response.Content.ReadAsStringAsync();
        var events = text.Split("\n\n", StringSplitOptions.RemoveEmptyEntries).Select(e => e["data: ".Length..]).ToList();
        Assert.Equal("[DONE]", events[^1]);
        var deltas = events[..^1].Select(e => JsonDocument.Parse(e).RootElement.GetProperty("choices")[0]).ToList();

        Assert.Equal(expected.GetProperty("message").GetProperty("content").GetString(),
            string.Concat(deltas.Select(d => d.GetProperty("delta").TryGetProperty("content", out var content) ? content.GetString() : "")));
        Assert.Equal(expected.GetProperty("finish_reason").GetString(), deltas[^1].GetProperty("finish_reason").GetString());
        Assert.True(deltas.Count > 3, $"the answer was to come in pieces: {text}");
    }

    [Fact]
    public async Task Questions_AtOnce_AreAnsweredByOneProcess()
    {
        string[] models = ["base", SharedGrid.ReferenceAdapter];
        var alone = new List<string>();
        foreach (var model in models) alone.Add(Content((await Grid.PostAsync("/v1/chat/completions", Body(model, stream: false))).Ok().Json));
        var resident = Assert.Single(Grid.Processes(), p => p.Part == Part.Resident);

        var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(i => Grid.PostAsync("/v1/chat/completions", Body(models[i % 2], stream: false))));

        for (var i = 0; i < answers.Length; i++) Assert.Equal(alone[i % 2], Content(answers[i].Ok().Json));
        Assert.Equal([resident], Grid.Processes().Where(p => p.Part == Part.Resident));
    }

    private static string Content(JsonElement answer) => answer.GetProperty("choices")[0].GetProperty("message").GetProperty("content").GetString()!;

    private static string Body(string model, bool stream, int tokens = 24) => JsonSerializer.Serialize(
        new { model, stream, messages = new[] { new { role = "user", content = "Anna packed six pens." } }, max_tokens = tokens, temperature = 0 });
}
