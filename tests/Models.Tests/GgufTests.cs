using FineTuneGrid.Contracts;
using FineTuneGrid.Models.Export;
using FineTuneGrid.Models.Generation;
using FineTuneGrid.Models.Lora;
using FineTuneGrid.Models.Loading;
using FineTuneGrid.Storage;
using static TorchSharp.torch;

namespace FineTuneGrid.Models.Tests;

/// <summary>Bases and adapters written for llama.cpp: read back by ourselves, and run by llama.cpp itself.</summary>
public sealed class GgufTests : IDisposable
{
    /// <summary>What llama.cpp does not run, or would compute otherwise, and what the refusal names.</summary>
    private static readonly Dictionary<string, string> Refused = new()
    {
        ["codegen"] = "codegen", ["gpt_neo"] = "gpt_neo", ["gptj"] = "gptj", ["opt"] = "opt", ["opt_350m"] = "opt", ["falcon_rw"] = "ALiBi",
        ["llama_dynamic"] = "dynamic", ["mpt_6heads"] = "power of two", ["cohere_qk_norm"] = "64 layers", ["gemma2"] = "query_pre_attn_scalar", ["gemma3"] = "query_pre_attn_scalar",
        ["bloom_post_norm"] = "BLOOM", ["falcon_grouped_alibi"] = "ALiBi", ["falcon_rw_mqa"] = "ALiBi", ["falcon_heads_dynamic"] = "relu",
        ["gemma2_layers"] = "query_pre_attn_scalar", ["gemma3_layers"] = "query_pre_attn_scalar", ["gpt2_scales"] = "GPT-2", ["gpt2_unscaled"] = "GPT-2",
        ["gpt_bigcode_heads"] = "multi_query", ["gpt_neo_pattern"] = "gpt_neo", ["llama_longrope"] = "longrope", ["opt_bare"] = "opt", ["opt_norm_after"] = "opt",
        ["phi_qk_norm"] = "q_layernorm", ["starcoder2_window"] = "use_bias",
    };

    private readonly string _folder = Directory.CreateTempSubdirectory("ftg-gguf-").FullName;

    /// <summary>Classifiers have no head over tokens: the export of one is refused before it gets here.</summary>
    private static IEnumerable<string> Writable => Golden.Names.Where(n => !Refused.ContainsKey(n) && !Golden.IsClassifier(n));

    public static TheoryData<string> Written => [.. Writable];

    public static TheoryData<string> NotWritten => [.. Refused.Keys];

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [MemberData(nameof(Written))]
    public void Write_ThenReadBack_GivesTheSameWeightsAndAdapter(string family)
    {
        using var fixture = new GgufFixture(family, _folder);
        using var original = fixture.Load();
        using var adapter = fixture.Adapter();

        fixture.WriteModel();
        fixture.WriteAdapter(adapter);

        using var file = GgufFile.Open(fixture.ModelPath);
        using var source = new GgufSource(file, fixture.Architecture);
        using var written = new CausalLm(fixture.Architecture, WeightLoader.Load(fixture.Architecture, source));
        using var adapterFile = GgufFile.Open(fixture.AdapterPath);
        using var writtenAdapter = GgufAdapter.Read(adapterFile, fixture.Architecture, adapter.Plan);
        using var scope = NewDisposeScope();
        var parity = ExportParity.Measure(ExportParity.Logits(original, adapter, fixture.Sequences), written, writtenAdapter, fixture.Sequences);
        Assert.InRange(parity.MaxLogitDifference, 0, 1e-4);
        Assert.Equal(1, parity.TopOneAgreement);
        Assert.Equal(96, parity.Tokens);
    }

    [Theory]
    [MemberData(nameof(NotWritten))]
    public void Check_WhatLlamaCppDoesNotCompute_IsRefusedByName(string family)
    {
        using var fixture = new GgufFixture(family, _folder);

        var refusal = Assert.Throws<GridException>(() => GgufModel.Check(fixture.Architecture));

        Assert.Equal(ErrorCodes.UnsupportedModel, refusal.Code);
        Assert.Contains(Refused[family], refusal.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b"]}, "pre_tokenizer": {"type": "Whitespace"}}""", "Whitespace")]
    [InlineData("""{"model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b"]}, "normalizer": {"type": "Lowercase"}}""", "normalizer")]
    [InlineData("""{"model": {"type": "Unigram", "vocab": [["a", -1]]}}""", "Unigram")]
    public void Vocabulary_ThatLlamaCppWouldSplitOtherwise_IsRefusedByName(string tokenizer, string said)
    {
        var files = new Dictionary<string, ReadOnlyMemory<byte>> { ["tokenizer.json"] = System.Text.Encoding.UTF8.GetBytes(tokenizer) };

        var refusal = Assert.Throws<GridException>(() => GgufVocabulary.Read(files, null, 3));

        Assert.Equal(ErrorCodes.UnsupportedModel, refusal.Code);
        Assert.Contains(said, refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task LlamaCpp_OnEveryFamily_ChoosesOurIds()
    {
        var cases = new List<(string Name, LlamaRequest Request, Continuation Ours)>();
        foreach (var family in Writable)
            Add(cases, new GgufFixture(family, _folder));
        Add(cases, new GgufFixture("gemma2", _folder, c => c["query_pre_attn_scalar"] = 32));
        Add(cases, new GgufFixture("gemma3", _folder, c => (c["query_pre_attn_scalar"], c["sliding_window_pattern"]) = (16, 6)));

        var answers = await LlamaPeer.AskAsync([.. cases.Select(c => c.Request)]);

        var problems = cases.Zip(answers, (c, answer) => Problem(c.Name, c.Ours, answer)).OfType<string>().ToList();
        Assert.True(problems.Count == 0, string.Join("\n", problems));
    }

    private static void Add(List<(string, LlamaRequest, Continuation)> cases, GgufFixture fixture)
    {
        using (fixture)
        {
            using var model = fixture.Load();
            using var adapter = fixture.Adapter();
            fixture.WriteModel();
            fixture.WriteAdapter(adapter);
            // Within the window that llama.cpp does not have; beyond the length from which on both take a longrope's long factors.
            var (length, count) = fixture.Family switch
            {
                "mistral" => (6, 9),
                "mixtral_window" or "qwen2_window" or "qwen3_layers" => (4, 6),
                _ => fixture.Architecture.Rotary?.LongRope is not null ? (48, 24) : (12, 24),
            };
            var prompt = fixture.Sequences[0][..length];
            foreach (var own in new[] { null, adapter })
            {
                var ours = new TextGenerator(model).Generate([prompt], new GenerationOptions { MaxNewTokens = count, StopTokens = [] }, own)[0];
                cases.Add(($"{fixture.Family}{(own is null ? "" : " with its adapter")}", new LlamaRequest(fixture.ModelPath, own is null ? null : fixture.AdapterPath, prompt, count), ours));
            }
        }
    }

    /// <summary>llama.cpp computes gelu from a table in half precision, so that log-probabilities agree only so far.</summary>
    private static string? Problem(string name, Continuation ours, LlamaAnswer answer)
    {
        if (answer.Error is { } error)
            return $"{name}: {error}";
        var worst = ours.LogProbs.Zip(answer.Logprobs, (a, b) => Math.Abs(a - b)).DefaultIfEmpty(0).Max();
        return !ours.Tokens.SequenceEqual(answer.Ids) || worst > 0.02
            ? $"{name}: log-probabilities differ by {worst:g3}; ours {string.Join(' ', ours.Tokens)}, llama.cpp's {string.Join(' ', answer.Ids)}" : null;
    }
}
