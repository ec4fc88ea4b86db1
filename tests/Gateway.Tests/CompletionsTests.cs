using System.Net;
using FineTuneGrid.Gateway.Tests.Support;

namespace FineTuneGrid.Gateway.Tests;

/// <summary>What <c>/v1/completions</c> refuses, in OpenAI's shape.</summary>
[Collection(GatewayCollection.Name)]
public sealed class CompletionsTests(GatewayUnderTest gateway)
{
    [Theory]
    [InlineData("""{"model":"m"}""", "prompt", "missing_field")]
    [InlineData("""{"prompt":"a"}""", "model", "missing_field")]
    [InlineData("""{"model":"m","prompt":""}""", "prompt", "invalid_value")]
    [InlineData("""{"model":"m","prompt":[]}""", "prompt", "invalid_value")]
    [InlineData("""{"model":"m","prompt":["a",1]}""", "prompt", "invalid_value")]
    [InlineData("""{"model":"m","prompt":[1,"a"]}""", "prompt", "invalid_value")]
    [InlineData("""{"model":"m","prompt":[1,-1]}""", "prompt", "invalid_value")]
    [InlineData("""{"model":"m","prompt":[[1],[]]}""", "prompt", "invalid_value")]
    [InlineData("""{"model":"m","prompt":{"a":1}}""", "prompt", "invalid_value")]
    [InlineData("""{"model":"m","prompt":"a","max_tokens":0}""", "max_tokens", "invalid_value")]
    [InlineData("""{"model":"m","prompt":"a","max_tokens":-1,"echo":true}""", "max_tokens", "invalid_value")]
    [InlineData("""{"model":"m","prompt":"a","logprobs":21}""", "logprobs", "invalid_value")]
    [InlineData("""{"model":"m","prompt":"a","temperature":-0.5}""", "temperature", "invalid_value")]
    [InlineData("""{"model":"m","prompt":"a","top_p":0}""", "top_p", "invalid_value")]
    [InlineData("""{"model":"m","prompt":"a","top_k":-2}""", "top_k", "invalid_value")]
    [InlineData("""{"model":"m","prompt":"a","stop":["a","b","c","d","e"]}""", "stop", "invalid_value")]
    [InlineData("""{"model":"m","prompt":"a","stop":[1]}""", "stop", "invalid_value")]
    [InlineData("""{"model":"m","prompt":"a","stop":""}""", "stop", "invalid_value")]
    [InlineData("""{"model":"m","prompt":"a","n":129}""", "n", "invalid_value")]
    [InlineData("""{"model":"m","prompt":["a","b","c"],"n":100}""", "n", "invalid_value")]
    [InlineData("""{"model":"m","prompt":"a","best_of":3}""", "best_of", "invalid_value")]
    [InlineData("""{"model":"m","prompt":"a","stream":"yes"}""", "stream", "invalid_json")]
    [InlineData("""{"model":"m","prompt":"a","stream_options":{"include_usage":true}}""", "stream_options", "invalid_value")]
    [InlineData("""{"model":"m","prompt":"\ud800"}""", "prompt", "invalid_value")]
    [InlineData("""{"model":"m","prompt":"a","presence_penalty":0.1}""", "presence_penalty", "invalid_value")]
    [InlineData("""{"model":"m","prompt":"a","logit_bias":{"5":1}}""", "logit_bias", "invalid_value")]
    [InlineData("""{"model":"m","prompt":"a","suffix":"b"}""", "suffix", "invalid_value")]
    [InlineData("""{"model":"m","prompt":"a","max_token":5}""", "max_token", "unknown_field")]
    [InlineData("""{"model":"m","prompt":"a","max_tokens":"5"}""", "max_tokens", "invalid_json")]
    public async Task Completions_WhatCannotBe_IsRefusedByName(string body, string param, string code)
    {
        var error = (await gateway.Member.PostAsync("/v1/completions", HttpAssert.Json(body)).JsonAsync(HttpStatusCode.BadRequest)).GetProperty("error");
        Assert.Equal((param, code, "invalid_request_error"), (error.Text("param"), error.Text("code"), error.Text("type")));
        Assert.Contains(param, error.Text("message"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Completions_WithoutKey_IsRefusedInOpenAisShape()
    {
        var answer = await gateway.Nobody.PostAsync("/v1/completions", HttpAssert.Json("""{"model":"m","prompt":"a"}""")).JsonAsync(HttpStatusCode.Unauthorized);
        Assert.Equal("invalid_api_key", answer.GetProperty("error").Text("code"));
    }
}
