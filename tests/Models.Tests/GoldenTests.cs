using System.Text.Json;
using FineTuneGrid.Models.Generation;
using FineTuneGrid.Models.Layers;
using FineTuneGrid.Models.Optim;
using FineTuneGrid.Storage;
using static TorchSharp.torch;

namespace FineTuneGrid.Models.Tests;

/// <summary>Against values from the reference implementation of each family.</summary>
public sealed class GoldenTests
{
    public static TheoryData<string> Families => Golden.Families;

    public static TheoryData<string> Decoders => Golden.Decoders;

    [Theory]
    [MemberData(nameof(Decoders))]
    public void LogProbs_MatchTheReference(string family)
    {
        var golden = new Golden(family);
        using var model = golden.Load();
        var loss = model.Loss(golden.Batch());
        var expected = golden.Values.GetProperty("logprobs").Deserialize<double[][]>()!.SelectMany(r => r).ToArray();
        Assert.Equal(expected.Length, loss.Count);
        for (var i = 0; i < expected.Length; i++)
            Assert.True(Math.Abs(expected[i] + loss.Losses[i]) < 1e-4, $"row {i}: {-loss.Losses[i]} instead of {expected[i]}");
        Assert.Equal(golden.Values.GetProperty("mean_loss").GetDouble(), loss.Sum / loss.Count, 1e-5);
    }

    [Theory]
    [MemberData(nameof(Decoders))]
    public void Logits_ArgmaxAndLastRow_MatchTheReference(string family)
    {
        using var scope = NewDisposeScope();
        var golden = new Golden(family);
        using var model = golden.Load();
        var logits = model.Logits(golden.Batch());
        var expected = golden.Values.GetProperty("argmax").Deserialize<long[][]>()!.SelectMany(r => r);
        Assert.Equal(expected, logits.argmax(-1).data<long>().ToArray());
        var last = golden.Values.GetProperty("last_logits").Deserialize<float[][]>()!;
        var length = golden.Sequences[0].Length;
        for (var s = 0; s < last.Length; s++)
            AssertClose(last[s], logits.select(0, (s + 1) * length - 1).contiguous().data<float>().ToArray(), 1e-4);
    }

    [Theory]
    [MemberData(nameof(Decoders))]
    public void Greedy_MatchesTheReference(string family)
    {
        var golden = new Golden(family);
        using var model = golden.Load();
        var greedy = golden.Values.GetProperty("greedy");
        var prompt = greedy.GetProperty("prompt").Deserialize<int[]>()!;
        // A second prompt of another length must not change the first one's result.
        var results = new TextGenerator(model).Generate([prompt, prompt[..5]], new GenerationOptions { MaxNewTokens = 32 });
        Assert.Equal(greedy.GetProperty("ids").Deserialize<int[]>()!, results[0].Tokens);
        Assert.Equal(32, results[1].Tokens.Count);
    }

    [Theory]
    [MemberData(nameof(Families))]
    public void LoraTraining_FourSteps_MatchPeftAndTorch(string family)
    {
        var golden = new Golden(family);
        using var model = golden.Load();
        using var adapter = golden.Adapter("init");
        using var final = golden.Adapter("final");
        using var optimizer = new AdamW(adapter.Parameters, new AdamWOptions { WeightDecay = 0.01 });
        using var gradient = adapter.Parameters.NewBuffer();
        var batch = golden.Batch();
        Assert.Equal(golden.Training.GetProperty("trainable_parameters").GetInt64(), adapter.Plan.ParameterCount);
        Assert.Equal(Strings("adapted_modules"), adapter.Plan.Modules.Select(m => m.Name).Order(StringComparer.Ordinal));
        AssertClose(Floats("init_logprobs"), golden.LogProbs(model, batch, adapter), 1e-4);
        double[] losses = Numbers("loss_before_step"), norms = Numbers("grad_norm");
        for (var step = 0; step < 4; step++)
        {
            gradient.zero_();
            var loss = model.LossAndGradients(batch, adapter, gradient);
            gradient.div_((double)loss.Count);
            Assert.Equal(losses[step], loss.Sum / loss.Count, 1e-4);
            Assert.Equal(norms[step], optimizer.Step(gradient, 5e-3), 1e-3 * norms[step]);
        }

        var after = model.Loss(batch, adapter);
        Assert.Equal(golden.Training.GetProperty("loss_after_last_step").GetDouble(), after.Sum / after.Count, 1e-4);
        AssertClose(Floats("final_logprobs"), golden.LogProbs(model, batch, final), 1e-4);
        var pairs = Values(final.Parameters.Flat).Zip(Values(adapter.Parameters.Flat)).ToList();
        Assert.True(pairs.Count(p => Math.Abs(p.First - p.Second) < 1e-3) >= 0.999 * pairs.Count);
        Assert.All(pairs, p => Assert.True(Math.Abs(p.First - p.Second) < 2 * 5e-3 * 4));

        double[] Numbers(string name) => golden.Training.GetProperty(name).Deserialize<double[]>()!;
        string[] Strings(string name) => [.. golden.Training.GetProperty(name).Deserialize<string[]>()!.Order(StringComparer.Ordinal)];
        float[] Floats(string name) => [.. golden.Training.GetProperty(name).Deserialize<float[][]>()!.SelectMany(r => r)];
    }

    [Fact]
    public void Stories260K_GreedyWherePresent_MatchesTheReferenceProgram()
    {
        var folder = Stories();
        if (folder is null)
            return;
        var architecture = Architectures.ModelFamilies.Create(Config.ModelConfig.Parse(File.ReadAllBytes(Path.Combine(folder, "config.json"))));
        using var files = SafetensorsModel.OpenFolder(folder);
        using var model = new CausalLm(architecture, Loading.WeightLoader.Load(architecture, new Loading.SafetensorsSource(files)));
        var greedy = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, "golden.json"))).RootElement.GetProperty("greedy");
        var result = new TextGenerator(model).Generate([greedy.GetProperty("prompt").Deserialize<int[]>()!], new GenerationOptions { MaxNewTokens = 200 })[0];
        Assert.Equal(greedy.GetProperty("ids").Deserialize<int[]>()!, result.Tokens);
        AssertClose(greedy.GetProperty("logprobs").Deserialize<float[]>()!, [.. result.LogProbs], 1e-3);
    }

    /// <summary>The folder of the stories model, or null where it is not there.</summary>
    internal static string? Stories()
    {
        if (Environment.GetEnvironmentVariable("FTG_STORIES260K") is { } given)
            return given;
        for (var at = new DirectoryInfo(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            if (!File.Exists(Path.Combine(at.FullName, "FineTuneGrid.slnx")))
                continue;
            var folder = Path.GetFullPath(Path.Combine(at.FullName, "..", "shared", "data", "stories260k"));
            return Directory.Exists(folder) ? folder : null;
        }

        return null;
    }

    private static float[] Values(Tensor t) => t.data<float>().ToArray();

    private static void AssertClose(float[] expected, float[] actual, double tolerance)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (var i = 0; i < expected.Length; i++)
            Assert.True(Math.Abs(expected[i] - actual[i]) < tolerance, $"element {i}: {actual[i]} instead of {expected[i]}");
    }
}
