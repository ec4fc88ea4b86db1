using FineTuneGrid.Models.Generation;
using FineTuneGrid.Models.Lora;

namespace FineTuneGrid.Models.Tests;

/// <summary>Sequences of several adapters in one batch, held to each of them alone.</summary>
public sealed class DecodeBatchTests
{
    private const int Tokens = 12;

    /// <summary>Every family that writes, with experts, rotations that depend on lengths, and weights stored the other way round.</summary>
    public static TheoryData<string> Families => Golden.Decoders;

    [Theory]
    [MemberData(nameof(Families))]
    public void Batch_OfSeveralAdapters_GivesEachWhatItGivesAlone(string family)
    {
        var golden = new Golden(family);
        using var model = golden.Load();
        // Of different ranks and reach, one with magnitudes, and the base itself.
        using var wide = Adapter(golden, model, new LoraSpec { Rank = 4, Alpha = 8 }, seed: 1);
        using var narrow = Adapter(golden, model, new LoraSpec { Rank = 2, Alpha = 6, Targets = OneLayer(golden) }, seed: 2);
        using var dora = Adapter(golden, model, new LoraSpec { Rank = 3, Alpha = 3, Dora = true }, seed: 3);
        LoraAdapter?[] adapters = [wide, null, narrow, dora, wide, narrow];
        int[][] prompts = [.. adapters.Select((_, i) => golden.Sequences[i % 2][..(3 + (5 * i))])];

        using var batch = new DecodeBatch(model);
        Sequence[] together = [.. prompts.Select((p, i) => new Sequence(p, Options, i, adapters[i]))];
        // Some come later, when the others have begun.
        batch.Join(together[..4]);
        batch.Step();
        batch.Step();
        batch.Join(together[4..]);
        while (batch.Sequences.Count > 0)
            batch.Step();

        for (var i = 0; i < prompts.Length; i++)
        {
            var alone = new Sequence(prompts[i], Options, i, adapters[i]);
            using var own = new DecodeBatch(model);
            own.Join([alone]);
            while (own.Sequences.Count > 0)
                own.Step();
            Assert.Equal(alone.Result.Tokens, together[i].Result.Tokens);
            for (var t = 0; t < Tokens; t++)
                Assert.Equal(alone.Result.LogProbs[t], together[i].Result.LogProbs[t], 1e-3f);
        }
        // The adapters do differ, so that a mix-up would have shown.
        Assert.NotEqual(together[0].Result.LogProbs[0], new TextGenerator(model).Generate([prompts[0]], Options, dora)[0].LogProbs[0]);
    }

    [Fact]
    public void Sequences_ThatEndOrAreEnded_LeaveTheOthersAlone()
    {
        var golden = new Golden("llama");
        using var model = golden.Load();
        using var adapter = golden.Adapter("init");
        var prompt = golden.Sequences[0][..9];
        var free = new TextGenerator(model).Generate([prompt], Options, adapter)[0];

        using var batch = new DecodeBatch(model);
        var stays = new Sequence(prompt, Options, 0, adapter);
        var ended = new Sequence(golden.Sequences[1][..5], Options, 0, adapter);
        var short_ = new Sequence(golden.Sequences[1][..7], Options with { MaxNewTokens = 3 });
        batch.Join([ended, short_, stays]);
        batch.Step();
        ended.End();
        batch.Step();
        Assert.Equal([stays], batch.Sequences);
        while (batch.Sequences.Count > 0)
            batch.Step();

        Assert.Equal((2, 3), (ended.Result.Tokens.Count, short_.Result.Tokens.Count));
        Assert.Equal(free.Tokens, stays.Result.Tokens);
    }

    [Fact]
    public void Samples_OfOnePrompt_AreThoseOfTheirIndexes()
    {
        var golden = new Golden("llama");
        using var model = golden.Load();
        var prompt = golden.Sequences[0][..9];
        var options = Options with { Temperature = 2, Seed = 5 };
        using var batch = new DecodeBatch(model);
        Sequence[] choices = [.. Enumerable.Range(0, 4).Select(i => new Sequence(prompt, options, i))];
        batch.Join(choices);
        while (batch.Sequences.Count > 0)
            batch.Step();

        // The same array is run once; copies of it are run each for itself.
        var apart = new TextGenerator(model).Generate([.. choices.Select(_ => prompt.ToArray())], options);
        Assert.Equal(apart.Select(c => string.Join(',', c.Tokens)), choices.Select(c => string.Join(',', c.Result.Tokens)));
        Assert.True(choices.Select(c => string.Join(',', c.Result.Tokens)).Distinct().Count() > 1);
    }

    private static GenerationOptions Options => new() { MaxNewTokens = Tokens };

    private static TargetModules OneLayer(Golden golden) =>
        TargetModules.From(System.Text.Json.JsonSerializer.SerializeToElement(new[] { golden.Architecture.Linears[^1].Name, golden.Architecture.Linears[0].Name }));

    /// <summary>Away from where training starts.</summary>
    private static LoraAdapter Adapter(Golden golden, CausalLm model, LoraSpec spec, long seed)
    {
        var adapter = LoraAdapter.Create(LoraPlan.Resolve(golden.Architecture, spec), seed, weights: model.Weights);
        foreach (var module in adapter.Plan.Modules)
            adapter.Parameters.FillNormal(module.NameB, seed + 10, 0.3);
        return adapter;
    }
}
