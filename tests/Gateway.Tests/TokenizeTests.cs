using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using FineTuneGrid.Contracts;
using FineTuneGrid.Gateway.Tests.Support;

namespace FineTuneGrid.Gateway.Tests;

/// <summary><c>/tokenize</c> and <c>/detokenize</c> with the sample model's tokenizer, read by the real inspector.</summary>
[Collection(GatewayCollection.Name)]
public sealed class TokenizeTests(GatewayUnderTest gateway) : IAsyncLifetime
{
    private static readonly object[] Hello = [new { role = "user", content = "Hello there" }];

    private readonly string _model = "words-" + Guid.NewGuid().ToString("N")[..8];

    public Task InitializeAsync() => gateway.Member.AddTinyAsync(_model);

    public Task DisposeAsync() => Task.CompletedTask;

    [Fact]
    public async Task Tokenize_Prompt_RoundTrips()
    {
        var answer = await Tokenize(new { model = _model, prompt = "Anna packed six pens.", return_token_strs = true });
        var tokens = Ids(answer);
        Assert.Equal((tokens.Length, 256), (answer.GetProperty("count").GetInt32(), answer.GetProperty("max_model_len").GetInt32()));
        Assert.Equal(tokens.Length, answer.GetProperty("token_strs").GetArrayLength());
        Assert.True(tokens.Length is > 3 and < 21, answer.GetRawText());
        var text = await gateway.Reader.PostAsJsonAsync("/detokenize", new { model = _model, tokens }).JsonAsync();
        Assert.Equal("Anna packed six pens.", text.Text("prompt"));
        Assert.Equal(JsonValueKind.Null, (await Tokenize(new { model = _model, prompt = "Anna" })).GetProperty("token_strs").ValueKind);
    }

    [Fact]
    public async Task Tokenize_Messages_GoThroughTheTemplate()
    {
        Assert.Equal("### user\nHello there\n### assistant\n", await Rendered(new { model = _model, messages = Hello }));
        Assert.Equal("### user\nHello there\n", await Rendered(new { model = _model, messages = Hello, add_generation_prompt = false }));
        Assert.Equal("### user\nHello there", await Rendered(new { model = _model, messages = Hello, continue_final_message = true }));
        var parts = new[] { new { role = "user", content = new[] { new { type = "text", text = "Hello " }, new { type = "text", text = "there" } } } };
        Assert.Equal("### user\nHello there\n### assistant\n", await Rendered(new { model = _model, messages = parts }));
    }

    [Fact]
    public async Task Tokenize_Adapter_UsesItsBase()
    {
        var name = await gateway.Member.PushAdapterAsync("acme", "worded", _model, 128, "model.layers.0.self_attn.q_proj");
        var prompt = "Anna packed six pens.";
        Assert.Equal(Ids(await Tokenize(new { model = _model, prompt })), Ids(await Tokenize(new { model = name, prompt })));
    }

    [Fact]
    public async Task Tokenize_MessageThatSpellsTheEndToken_IsText()
    {
        var end = Ids(await Tokenize(new { model = _model, prompt = "<|end|>" })).Single();
        var messages = new[] { new { role = "user", content = "stop<|end|>" }, new { role = "assistant", content = "a<|end|>b" } };
        Assert.Equal(1, Ids(await Tokenize(new { model = _model, messages })).Count(id => id == end));
        Assert.Equal("### user\nstop<|end|>\n### assistant\na<|end|>b<|end|>\n### assistant\n", await Rendered(new { model = _model, messages }));
    }

    [Theory]
    [InlineData("""{"model":"M"}""", ErrorCodes.MissingField, "prompt")]
    [InlineData("""{"model":"M","prompt":"a","messages":[]}""", ErrorCodes.InvalidValue, "prompt")]
    [InlineData("""{"prompt":"a"}""", ErrorCodes.MissingField, "model")]
    [InlineData("""{"model":"M","messages":[]}""", ErrorCodes.InvalidValue, "messages")]
    [InlineData("""{"model":"M","messages":[{"role":"im_end","content":"a"}]}""", ErrorCodes.InvalidValue, "messages[0].role")]
    [InlineData("""{"model":"M","messages":[{"role":"user","content":[{"type":"image_url"}]}]}""", ErrorCodes.InvalidValue, "messages[0].content[0]")]
    [InlineData("""{"model":"M","messages":[{"role":"user","content":"a"}],"tools":{}}""", ErrorCodes.InvalidValue, "tools")]
    [InlineData("""{"model":"M","messages":[{"role":"user","content":"a"}],"chat_template":"{{ messages }}"}""", ErrorCodes.InvalidValue, "chat_template")]
    [InlineData("""{"model":"M","messages":[{"role":"user","content":"a"}],"chat_template_kwargs":[]}""", ErrorCodes.InvalidValue, "chat_template_kwargs")]
    [InlineData("""{"model":"M","messages":[{"role":"user","content":"a"}],"continue_final_message":true,"add_generation_prompt":true}""", ErrorCodes.InvalidValue, "continue_final_message")]
    public async Task Tokenize_WhatCannotBe_IsRefusedByName(string body, string code, string field)
    {
        var problem = await gateway.Reader.PostAsync("/tokenize", HttpAssert.Json(body.Replace("\"M\"", $"\"{_model}\""))).ProblemAsync(HttpStatusCode.UnprocessableEntity, code);
        Assert.Equal(field, problem.Text("field"));
    }

    [Theory]
    [InlineData("\"prompt\":\"\\ud800\"")]
    [InlineData("\"messages\":[{\"role\":\"user\",\"content\":\"\\ud800\"}]")]
    public async Task Tokenize_HalfASurrogatePair_IsNoJson(string member) =>
        await gateway.Reader.PostAsync("/tokenize", HttpAssert.Json($"{{\"model\":\"{_model}\",{member}}}")).ProblemAsync(HttpStatusCode.BadRequest, ErrorCodes.InvalidJson);

    [Fact]
    public async Task Detokenize_IdOutsideTheVocabulary_IsNamed()
    {
        foreach (var id in (int[])[-1, 1 << 20])
            Assert.Equal("tokens[1]", (await gateway.Reader.PostAsJsonAsync("/detokenize", new { model = _model, tokens = (int[])[5, id] })
                .ProblemAsync(HttpStatusCode.UnprocessableEntity, ErrorCodes.InvalidValue)).Text("field"));
        await gateway.Reader.PostAsJsonAsync("/detokenize", new { model = _model }).ProblemAsync(HttpStatusCode.UnprocessableEntity, ErrorCodes.MissingField);
        Assert.Equal("", (await gateway.Reader.PostAsJsonAsync("/detokenize", new { model = _model, tokens = Array.Empty<int>() }).JsonAsync()).Text("prompt"));
    }

    [Fact]
    public async Task Tokenize_ModelOfAnother_DoesNotExist()
    {
        await gateway.Stranger.PostAsJsonAsync("/tokenize", new { model = _model, prompt = "a" }).ProblemAsync(HttpStatusCode.NotFound, ErrorCodes.NotFound);
        await gateway.Stranger.PostAsJsonAsync("/detokenize", new { model = _model, tokens = (int[])[1] }).ProblemAsync(HttpStatusCode.NotFound, ErrorCodes.NotFound);
        await gateway.Member.AddModelAsync("wordless");
        await gateway.Reader.PostAsJsonAsync("/tokenize", new { model = "wordless", prompt = "a" }).ProblemAsync(HttpStatusCode.UnprocessableEntity, ErrorCodes.InvalidTokenizer);
    }

    private Task<JsonElement> Tokenize(object body) => gateway.Reader.PostAsJsonAsync("/tokenize", body).JsonAsync();

    private async Task<string> Rendered(object body) =>
        (await gateway.Reader.PostAsJsonAsync("/detokenize", new { model = _model, tokens = Ids(await Tokenize(body)) }).JsonAsync()).Text("prompt");

    private static int[] Ids(JsonElement answer) => [.. answer.GetProperty("tokens").EnumerateArray().Select(t => t.GetInt32())];
}
