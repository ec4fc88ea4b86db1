using FineTuneGrid.Models.Architectures;
using FineTuneGrid.Models.Config;
using FineTuneGrid.Models.Layers;
using FineTuneGrid.Models.Loading;
using FineTuneGrid.Models.Lora;
using FineTuneGrid.Models.Optim;
using static TorchSharp.torch;
using Tensor = TorchSharp.torch.Tensor;

namespace FineTuneGrid.Models.Tests;

/// <summary>Properties of gradients and packing that hold for any model.</summary>
public sealed class TrainingTests
{
    private static readonly int[] Lengths = [7, 40, 1, 33, 48, 12, 48, 2];

    public static TheoryData<string> Families => Golden.Families;

    [Theory]
    [MemberData(nameof(Families))]
    public void Packed_LossesAndGradients_EqualOneSequenceAtATime(string family)
    {
        var golden = new Golden(family);
        using var model = golden.Load();
        using var adapter = golden.Adapter("init");
        using var together = adapter.Parameters.NewBuffer();
        using var apart = adapter.Parameters.NewBuffer();
        int[][] sequences = [.. Lengths.Select((n, i) => golden.Sequences[i % 2][..n])];
        var packed = model.LossAndGradients(golden.BatchOf(sequences), adapter, together);
        var losses = sequences.Select(s => model.LossAndGradients(golden.BatchOf(s), adapter, apart)).SelectMany(l => l.Losses).ToList();
        Assert.Equal(losses.Count, packed.Count);
        Assert.All(losses.Zip(packed.Losses), p => Assert.Equal(p.First, p.Second, 1e-5f));
        AssertNear(together, apart, 1e-5);
    }

    [Theory]
    [MemberData(nameof(Families))]
    public void Packed_ASequencesNeighbours_ChangeNothingOfItsLosses(string family)
    {
        var golden = new Golden(family);
        using var model = golden.Load();
        var first = golden.Sequences[0][..20];
        var alone = model.Loss(golden.BatchOf(first)).Losses;
        var beside = model.Loss(golden.BatchOf(first, golden.Sequences[1], [.. first.Reverse()])).Losses;
        Assert.All(alone.Zip(beside), p => Assert.Equal(p.First, p.Second, 1e-5f));
    }

    [Fact]
    public void Labels_Ignored_AreNeitherCountedNorTrainedOn()
    {
        var golden = new Golden("llama");
        using var model = golden.Load();
        var ids = golden.Sequences[0];
        int[] labels = [.. ids.Select((t, i) => i >= 30 ? t : MicroBatch.Ignored)];
        var all = model.Loss(MicroBatch.Of(ids)).Losses;
        var some = model.Loss(new MicroBatch(ids, [ids.Length], labels));
        Assert.Equal(18, some.Count);
        Assert.All(some.Losses.Zip(all.Skip(29)), p => Assert.Equal(p.Second, p.First, 1e-5f));
        Assert.Equal(0, model.Loss(new MicroBatch(ids, [ids.Length], [.. ids.Select(_ => MicroBatch.Ignored)])).Count);
    }

    [Theory]
    [MemberData(nameof(Families))]
    public void LoraGradient_MatchesFiniteDifferences(string family)
    {
        var golden = new Golden(family);
        using var model = golden.Load();
        using var adapter = golden.Adapter("init");
        CheckGradient(model, adapter, adapter.Parameters, golden.Batch());
    }

    [Theory]
    [MemberData(nameof(Families))]
    public void FullGradient_MatchesFiniteDifferences(string family)
    {
        var golden = new Golden(family);
        using var model = new CausalLm(golden.Architecture, WeightLoader.LoadTrainable(golden.Architecture, golden.Weights));
        // Short: a routing that flips within a step has no derivative there.
        CheckGradient(model, null, model.Weights.Trainable!, golden.BatchOf(golden.Sequences[0][..12], golden.Sequences[1][..7]));
    }

    [Theory]
    [MemberData(nameof(Families))]
    public void Recompute_GivesTheSameBits(string family)
    {
        var golden = new Golden(family);
        using var model = golden.Load();
        using var adapter = golden.Adapter("init");
        Assert.Equal(Gradient(model, adapter, golden.Batch(), new TrainingPass()), Gradient(model, adapter, golden.Batch(), new TrainingPass(Recompute: true)));
        using var trained = new CausalLm(golden.Architecture, WeightLoader.LoadTrainable(golden.Architecture, golden.Weights));
        Assert.Equal(Gradient(trained, null, golden.Batch(), new TrainingPass()), Gradient(trained, null, golden.Batch(), new TrainingPass(Recompute: true)));
    }

    [Theory]
    [MemberData(nameof(Families))]
    public void Gradient_Repeated_GivesTheSameBits(string family)
    {
        var golden = new Golden(family);
        using var model = golden.Load();
        using var adapter = golden.Adapter("init");
        var pass = new TrainingPass(DropoutSeed: 5);
        var first = Gradient(model, adapter, golden.Batch(), pass);
        for (var i = 0; i < 3; i++)
            Assert.Equal(first, Gradient(model, adapter, golden.Batch(), pass));
    }

    [Fact]
    public void Dropout_ChangesTrainingOnly_AndFollowsItsSeed()
    {
        var golden = new Golden("llama");
        using var model = golden.Load();
        var spec = new LoraSpec { Rank = 4, Alpha = 8, Dropout = 0.3 };
        using var adapter = LoraAdapter.Create(LoraPlan.Resolve(golden.Architecture, spec), 1);
        foreach (var module in adapter.Plan.Modules)
            adapter.Parameters.FillNormal(module.NameB, 2, 0.05);
        var one = Gradient(model, adapter, golden.Batch(), new TrainingPass(DropoutSeed: 1));
        Assert.NotEqual(one, Gradient(model, adapter, golden.Batch(), new TrainingPass(DropoutSeed: 2)));
        Assert.NotEqual(one, Gradient(model, adapter, golden.Batch(), new TrainingPass()));
        Assert.Equal(one, Gradient(model, adapter, golden.Batch(), new TrainingPass(DropoutSeed: 1, Recompute: true)));
    }

    [Theory]
    [MemberData(nameof(Families))]
    public void BFloat16_LossAndGradient_AreNearFloat32(string family)
    {
        var golden = new Golden(family);
        using var exact = golden.Load();
        using var rough = golden.Load(ScalarType.BFloat16);
        using var adapter = golden.Adapter("init");
        using var scope = NewDisposeScope();
        Tensor a = adapter.Parameters.NewBuffer(), b = adapter.Parameters.NewBuffer();
        var loss = exact.LossAndGradients(golden.Batch(), adapter, a);
        var near = rough.LossAndGradients(golden.Batch(), adapter, b);
        Assert.Equal(1, near.Sum / loss.Sum, 1e-2);
        Assert.True((a * b).sum().item<float>() / (a.norm() * b.norm()).item<float>() > 0.99f);
    }

    [Fact]
    public void Base_AfterTrainingSteps_IsUnchanged_AndAdaptersDoNotMeet()
    {
        var golden = new Golden("llama");
        using var model = golden.Load();
        var before = model.Loss(golden.Batch()).Sum;
        using var one = golden.Adapter("init");
        using var two = golden.Adapter("final");
        var expected = model.Loss(golden.Batch(), two).Sum;
        Train(model, one, golden.Batch(), 2);
        Assert.Equal(before, model.Loss(golden.Batch()).Sum);
        Assert.Equal(expected, model.Loss(golden.Batch(), two).Sum);
    }

    [Theory]
    [MemberData(nameof(Families))]
    public void Steps_Repeated_LeakNoTensor(string family)
    {
        var golden = new Golden(family);
        using var model = golden.Load();
        using var adapter = golden.Adapter("init");
        Train(model, adapter, golden.Batch(), 1);
        var before = Tensor.TotalCount;
        Train(model, adapter, golden.Batch(), 5);
        var gradients = adapter.Parameters.NewBuffer();
        model.LossAndGradients(golden.Batch(), adapter, gradients, new TrainingPass(1, Recompute: true));
        gradients.Dispose();
        if (golden.Architecture.Classifier is null)
            _ = new Generation.TextGenerator(model).Generate([[1, 5], [7]], new Generation.GenerationOptions { MaxNewTokens = 3 }, adapter);
        Assert.Equal(before, Tensor.TotalCount);
    }

    [Fact]
    public void FullTraining_FromRandomWeights_LearnsARepeatedSequence()
    {
        var architecture = ModelFamilies.Create(ModelConfig.Parse("""
            {"model_type":"llama","vocab_size":40,"hidden_size":32,"intermediate_size":64,"num_hidden_layers":2,"num_attention_heads":4,
             "num_key_value_heads":2,"max_position_embeddings":64,"rms_norm_eps":1e-5,"tie_word_embeddings":true}
            """u8.ToArray()));
        using var model = new CausalLm(architecture, ModelWeights.Random(architecture, 3));
        using var again = ModelWeights.Random(architecture, 3);
        using var other = ModelWeights.Random(architecture, 4);
        Assert.Equal(again.Trainable!.Sha256(), model.Weights.Trainable!.Sha256());
        Assert.NotEqual(other.Trainable!.Sha256(), again.Trainable!.Sha256());
        Assert.Equal(1f, model.Weights["model.norm.weight"].min().item<float>());
        var batch = MicroBatch.Of([.. Enumerable.Range(0, 30).Select(i => 3 + i * 7 % 20)]);
        var first = model.Loss(batch);
        Assert.Equal(Math.Log(40), first.Sum / first.Count, 0.2);
        using var optimizer = new AdamW(model.Weights.Trainable!, new AdamWOptions { MaxGradientNorm = 1 });
        using var gradient = model.Weights.Trainable!.NewBuffer();
        for (var step = 0; step < 40; step++)
        {
            gradient.zero_();
            gradient.div_((double)model.LossAndGradients(batch, null, gradient).Count);
            optimizer.Step(gradient, 1e-2);
        }

        Assert.True(model.Loss(batch).Sum / first.Count < 0.1);
    }

    internal static void Train(CausalLm model, LoraAdapter adapter, MicroBatch batch, int steps)
    {
        using var optimizer = new AdamW(adapter.Parameters, new AdamWOptions());
        for (var i = 0; i < steps; i++)
        {
            using var gradient = adapter.Parameters.NewBuffer();
            var loss = model.LossAndGradients(batch, adapter, gradient);
            using (gradient.div_((double)loss.Count))
                optimizer.Step(gradient, 1e-3);
        }
    }

    private static byte[] Gradient(CausalLm model, LoraAdapter? adapter, MicroBatch batch, TrainingPass pass)
    {
        using var gradient = (adapter?.Parameters ?? model.Weights.Trainable!).NewBuffer();
        model.LossAndGradients(batch, adapter, gradient, pass);
        return gradient.bytes.ToArray();
    }

    /// <summary>Along a random direction: (L(p + h d) - L(p - h d)) / 2h = g . d.</summary>
    private static void CheckGradient(CausalLm model, LoraAdapter? adapter, FlatParameters parameters, MicroBatch batch)
    {
        using var scope = NewDisposeScope();
        var gradient = parameters.NewBuffer();
        model.LossAndGradients(batch, adapter, gradient);
        foreach (var slot in parameters.Slots)
        {
            var values = new float[slot.Count];
            Numerics.CounterRng.Stream(1, slot.Name).FillNormal(values, 1);
            var direction = tensor(values);
            var part = parameters.Flat.narrow(0, slot.Offset, slot.Count);
            var expected = (gradient.narrow(0, slot.Offset, slot.Count) * direction).sum().item<float>();
            var step = 2e-3f / MathF.Sqrt(slot.Count);
            var kept = part.clone();
            part.add_(direction, step);
            var up = model.Loss(batch, adapter).Sum;
            part.copy_(kept).sub_(direction * step);
            var down = model.Loss(batch, adapter).Sum;
            part.copy_(kept);
            var scale = gradient.narrow(0, slot.Offset, slot.Count).norm().item<float>();
            Assert.True(Math.Abs((up - down) / (2 * step) - expected) < 0.05 * scale + 0.02, $"{slot.Name}: {(up - down) / (2 * step)} instead of {expected}, norm {scale}");
        }
    }

    private static void AssertNear(Tensor expected, Tensor actual, double relative)
    {
        using var scope = NewDisposeScope();
        var error = (expected - actual).norm().item<float>() / expected.norm().item<float>();
        Assert.True(error < relative, $"relative error {error}");
    }
}
