using System.CommandLine;
using System.Diagnostics;
using FineTuneGrid.Models;
using FineTuneGrid.Models.Architectures;
using FineTuneGrid.Models.Config;
using FineTuneGrid.Models.Generation;
using FineTuneGrid.Models.Loading;
using FineTuneGrid.Models.Lora;
using FineTuneGrid.Models.Numerics;

namespace FineTuneGrid.Bench.Serving;

/// <summary>What questions to several adapters of one base gain from growing in one batch, beside one after the other.</summary>
internal static class ServingBench
{
    private const int PromptTokens = 32;
    private const int NewTokens = 48;
    private const int Vocabulary = 4096;

    public static Command Command()
    {
        var adapters = BenchOptions.Number("--adapters", 8, 64, "Adapters, with one question each.");
        var layers = BenchOptions.Number("--layers", 8, 64, "Layers of the base, a Llama.");
        var hidden = BenchOptions.Number("--hidden", 512, 8192, "Its hidden size, a multiple of 64.");
        var threads = BenchOptions.Number("--threads", 1, 256, "Intra-op threads.");
        var command = new Command("serving", "Tokens a second of questions to several adapters in one batch, and one after the other.") { adapters, layers, hidden, threads };
        command.SetAction(parsed => Run(parsed.GetValue(adapters), parsed.GetValue(layers), parsed.GetValue(hidden), parsed.GetValue(threads)));
        return command;
    }

    private static int Run(int count, int layers, int hidden, int threads)
    {
        TorchRuntime.Start(threads);
        using var model = Model(layers, hidden);
        LoraAdapter[] adapters = [.. Enumerable.Range(0, count).Select(i => Adapter(model, i))];
        int[] prompt = [.. Enumerable.Range(0, PromptTokens).Select(i => 1 + (i * 37 % (Vocabulary - 1)))];
        Grow(model, [new Sequence(prompt, Options, 0, adapters[0])]); // What the first pass of a process costs is not the batch's.
        var alone = Stopwatch.StartNew();
        var expected = adapters.Select((a, i) => Grow(model, [new Sequence(prompt, Options, i, a)])[0]).ToList();
        alone.Stop();
        var together = Stopwatch.StartNew();
        var got = Grow(model, [.. adapters.Select((a, i) => new Sequence(prompt, Options, i, a))]);
        together.Stop();
        var same = expected.Zip(got).All(p => p.First.Tokens.SequenceEqual(p.Second.Tokens));
        double Rate(Stopwatch watch) => Math.Round(count * NewTokens / watch.Elapsed.TotalSeconds, 1);
        BenchOutput.Line(new
        {
            Bench = "serving", Case = $"{count} adapters x 1 question, llama {layers} x {hidden}, {threads} thread(s)", Unit = "tokens/s", Value = Rate(together),
            PeerValue = Rate(alone), Ratio = Math.Round(alone.Elapsed / together.Elapsed, 2), Ok = same,
        });
        foreach (var adapter in adapters) adapter.Dispose();
        return same ? 0 : 1;
    }

    private static GenerationOptions Options => new() { MaxNewTokens = NewTokens };

    private static Continuation[] Grow(CausalLm model, Sequence[] sequences)
    {
        using var batch = new DecodeBatch(model);
        batch.Join(sequences);
        while (batch.Sequences.Count > 0) batch.Step();
        return [.. sequences.Select(s => s.Result)];
    }

    private static CausalLm Model(int layers, int hidden)
    {
        var config = $$"""
            {"model_type": "llama", "vocab_size": {{Vocabulary}}, "hidden_size": {{hidden}}, "intermediate_size": {{hidden * 3}}, "num_hidden_layers": {{layers}},
             "num_attention_heads": {{hidden / 64}}, "num_key_value_heads": {{hidden / 64}}, "max_position_embeddings": 1024, "rms_norm_eps": 1e-5, "tie_word_embeddings": true}
            """;
        var architecture = ModelFamilies.Create(ModelConfig.Parse(System.Text.Encoding.UTF8.GetBytes(config)));
        return new CausalLm(architecture, ModelWeights.Random(architecture, 1));
    }

    private static LoraAdapter Adapter(CausalLm model, int seed)
    {
        var adapter = LoraAdapter.Create(LoraPlan.Resolve(model.Architecture, new LoraSpec { Rank = 16, Alpha = 32 }), seed);
        foreach (var module in adapter.Plan.Modules) adapter.Parameters.FillNormal(module.NameB, seed, 0.02);
        return adapter;
    }
}
