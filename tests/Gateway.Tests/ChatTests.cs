using System.Net;
using System.Text.Json;
using FineTuneGrid.Gateway.Tests.Support;
using Microsoft.Extensions.DependencyInjection;
using Orleans;

namespace FineTuneGrid.Gateway.Tests;

/// <summary><c>/v1/chat/completions</c> and streams, before a node that says what the test wants.</summary>
public sealed class ChatTests(GatewayUnderTest gateway) : IClassFixture<GatewayUnderTest>, IAsyncLifetime
{
    private const string Hello = "\"messages\":[{\"role\":\"user\",\"content\":\"Say hello.\"}]";

    private AnsweringNode _node = null!;

    public async Task InitializeAsync()
    {
        _node = await AnsweringNode.StartAsync(gateway.App.Services.GetRequiredService<IGrainFactory>(), "answering");
        if ((await gateway.Member.GetAsync("/api/v1/models/talker")).StatusCode == HttpStatusCode.NotFound) await gateway.Member.AddModelAsync("talker");
    }

    public async Task DisposeAsync() => await _node.DisposeAsync();

    [Theory]
    [InlineData("""{"model":"m"}""", "messages", "missing_field")]
    [InlineData("""{"messages":[{"role":"user","content":"a"}]}""", "model", "missing_field")]
    [InlineData("""{"model":"m","messages":[]}""", "messages", "invalid_value")]
    [InlineData("""{"model":"m","messages":"hello"}""", "messages", "invalid_value")]
    [InlineData("""{"model":"m","messages":["hello"]}""", "messages[0]", "invalid_value")]
    [InlineData("""{"model":"m","messages":[{"content":"a"}]}""", "messages[0].role", "invalid_value")]
    [InlineData("""{"model":"m","messages":[{"role":"user","content":5}]}""", "messages[0].content", "invalid_value")]
    [InlineData("""{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"x"}}]}]}""", "messages[0].content[1]", "invalid_value")]
    [InlineData("""{"model":"m","messages":[{"role":"user","content":[{"type":"input_audio"}]}]}""", "messages[0].content[0]", "invalid_value")]
    [InlineData("""{"model":"m","messages":[{"role":"user","content":[{"type":"\ud800"}]}]}""", "messages[0].content[0]", "invalid_value")]
    public Task Chat_WhatIsNoConversation_IsRefusedByName(string body, string param, string code) => RefusedAsync("/v1/chat/completions", body, param, code);

    [Theory]
    [InlineData("\"max_tokens\":0", "max_tokens")]
    [InlineData("\"max_completion_tokens\":100000", "max_completion_tokens")]
    [InlineData("\"max_tokens\":5,\"max_completion_tokens\":6", "max_tokens")]
    [InlineData("\"n\":0", "n")]
    [InlineData("\"n\":129", "n")]
    [InlineData("\"temperature\":-1", "temperature")]
    [InlineData("\"top_p\":1.5", "top_p")]
    [InlineData("\"top_k\":-2", "top_k")]
    [InlineData("\"top_logprobs\":3", "top_logprobs")]
    [InlineData("\"logprobs\":true,\"top_logprobs\":21", "top_logprobs")]
    [InlineData("\"stop\":[\"a\",\"b\",\"c\",\"d\",\"e\"]", "stop")]
    [InlineData("\"stop\":\"\\ud800\"", "stop")]
    [InlineData("\"response_format\":{\"type\":\"json_object\"}", "response_format")]
    [InlineData("\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{}}", "response_format")]
    [InlineData("\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}]", "tools")]
    [InlineData("\"tool_choice\":\"auto\"", "tool_choice")]
    [InlineData("\"functions\":[{\"name\":\"f\"}]", "functions")]
    [InlineData("\"modalities\":[\"text\",\"audio\"]", "modalities")]
    [InlineData("\"audio\":{\"voice\":\"alloy\"}", "audio")]
    [InlineData("\"presence_penalty\":0.5", "presence_penalty")]
    [InlineData("\"logit_bias\":{\"5\":1}", "logit_bias")]
    [InlineData("\"reasoning_effort\":\"high\"", "reasoning_effort")]
    [InlineData("\"store\":true", "store")]
    [InlineData("\"stream_options\":{\"include_usage\":true}", "stream_options")]
    [InlineData("\"stream\":true,\"stream_options\":{\"include_usage\":1}", "stream_options.include_usage")]
    public Task Chat_WhatCannotBe_IsRefusedByName(string parameter, string param) =>
        RefusedAsync("/v1/chat/completions", $"{{\"model\":\"m\",{Hello},{parameter}}}", param, "invalid_value");

    [Fact]
    public async Task Chat_AnswersInTheShapeOfOpenAi()
    {
        var answer = await SendAsync("/v1/chat/completions", $"{{\"model\":\"talker\",{Hello},\"n\":2,\"logprobs\":true,\"top_logprobs\":1,\"user\":\"u\",\"metadata\":{{\"a\":\"b\"}},\"response_format\":{{\"type\":\"text\"}},\"store\":false}}");

        Assert.Equal(("chat.completion", "talker"), (answer.Text("object"), answer.Text("model")));
        Assert.StartsWith("chatcmpl-", answer.Text("id"), StringComparison.Ordinal);
        Assert.Equal((3, 8, 11), (Usage(answer, "prompt_tokens"), Usage(answer, "completion_tokens"), Usage(answer, "total_tokens")));
        var choices = answer.GetProperty("choices").EnumerateArray().ToList();
        Assert.Equal([0, 1], choices.Select(c => c.GetProperty("index").GetInt32()));
        var choice = choices[0];
        Assert.Equal(("assistant", "Hello world", "stop"), (choice.GetProperty("message").Text("role"), choice.GetProperty("message").Text("content"), choice.Text("finish_reason")));
        var tokens = choice.GetProperty("logprobs").GetProperty("content").EnumerateArray().ToList();
        Assert.Equal(["Hel", "lo", " wor", "ld"], tokens.Select(t => t.Text("token")));
        Assert.Equal([72, 101, 108], tokens[0].GetProperty("bytes").Deserialize<int[]>()!);
        Assert.Equal("Hel", Assert.Single(tokens[0].GetProperty("top_logprobs").EnumerateArray()).Text("token"));
        var asked = _node.Asked[^1].Completion!;
        Assert.Equal((2, false, "Say hello."), (asked.N, asked.Stream, asked.Messages!.Value[0].Text("content")));
        Assert.Equal(GatewayUnderTest.Acme, _node.Asked[^1].Org);
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(0)]
    [InlineData(2)]
    public async Task Stream_IsTheWholeAnswer_WhicheverPieceGetsLost(int lost)
    {
        _node.IsTold = word => word != lost;

        var (chunks, done) = await EventsAsync("/v1/chat/completions", $"{{\"model\":\"talker\",{Hello},\"n\":2,\"stream\":true,\"stream_options\":{{\"include_usage\":true}}}}");

        Assert.True(done);
        Assert.All(chunks, c => Assert.Equal("chat.completion.chunk", c.Text("object")));
        Assert.Single(chunks.Select(c => c.Text("id")).Distinct());
        for (var i = 0; i < 2; i++)
        {
            var deltas = chunks.SelectMany(c => c.GetProperty("choices").EnumerateArray()).Where(c => c.GetProperty("index").GetInt32() == i).ToList();
            Assert.Equal("assistant", deltas[0].GetProperty("delta").Text("role"));
            Assert.Equal("Hello world", string.Concat(deltas.Select(d => d.GetProperty("delta").TryGetProperty("content", out var text) ? text.GetString() : "")));
            Assert.Equal(["stop"], deltas.Select(d => d.GetProperty("finish_reason").GetString()).OfType<string>());
        }
        Assert.Empty(chunks[^1].GetProperty("choices").EnumerateArray());
        Assert.Equal(11, Usage(chunks[^1], "total_tokens"));
    }

    [Fact]
    public async Task Stream_OfCompletions_HasTextAndLogprobs()
    {
        var (chunks, done) = await EventsAsync("/v1/completions", """{"model":"talker","prompt":"Say","stream":true,"logprobs":1}""");

        Assert.True(done);
        var choices = chunks.SelectMany(c => c.GetProperty("choices").EnumerateArray()).ToList();
        Assert.Equal("Hello world", string.Concat(choices.Select(c => c.Text("text"))));
        Assert.Equal(["Hel", "lo", " wor", "ld"], choices.SelectMany(c => c.GetProperty("logprobs").GetProperty("tokens").EnumerateArray()).Select(t => t.GetString()));
        Assert.Equal("stop", choices[^1].Text("finish_reason"));
        Assert.All(chunks, c => Assert.False(c.TryGetProperty("usage", out _)));
    }

    [Fact]
    public async Task Stream_WhoseReaderLeaves_IsStoppedOnTheNode()
    {
        _node.Hangs = true;
        using (var response = await gateway.Member.SendAsync(
            new HttpRequestMessage(HttpMethod.Post, "/v1/chat/completions") { Content = HttpAssert.Json($"{{\"model\":\"talker\",{Hello},\"stream\":true}}") }, HttpCompletionOption.ResponseHeadersRead))
        {
            using var reader = new StreamReader(await response.Content.ReadAsStreamAsync());
            Assert.StartsWith("data: {", await reader.ReadLineAsync(), StringComparison.Ordinal);
        }

        await _node.UntilStoppedAsync(_node.Asked[^1].TaskId);
    }

    private async Task RefusedAsync(string path, string body, string param, string code)
    {
        var error = (await gateway.Member.PostAsync(path, HttpAssert.Json(body)).JsonAsync(HttpStatusCode.BadRequest)).GetProperty("error");
        Assert.Equal((param, code, "invalid_request_error"), (error.Text("param"), error.Text("code"), error.Text("type")));
        Assert.Contains(param.Split('.')[^1].Split('[')[0], error.Text("message"), StringComparison.Ordinal);
    }

    private Task<JsonElement> SendAsync(string path, string body) => gateway.Member.PostAsync(path, HttpAssert.Json(body)).JsonAsync();

    private async Task<(List<JsonElement> Chunks, bool Done)> EventsAsync(string path, string body)
    {
        using var response = await gateway.Member.PostAsync(path, HttpAssert.Json(body));
        var text = await response.Content.ReadAsStringAsync();
        Assert.True(response.Content.Headers.ContentType?.MediaType == "text/event-stream", text);
        var lines = text.Split("\n\n", StringSplitOptions.RemoveEmptyEntries).Select(e => e["data: ".Length..]).ToList();
        return ([.. lines.Where(l => l != "[DONE]").Select(l => JsonDocument.Parse(l).RootElement)], lines[^1] == "[DONE]");
    }

    private static int Usage(JsonElement answer, string name) => answer.GetProperty("usage").GetProperty(name).GetInt32();
}
