using FineTuneGrid.Contracts;
using FineTuneGrid.Models.Export;
using FineTuneGrid.Models.Loading;
using FineTuneGrid.Models.Lora;
using FineTuneGrid.Storage;
using static TorchSharp.torch;

namespace FineTuneGrid.Models.Tests;

/// <summary>An adapter's part in its base's weights: the same logits without the adapter.</summary>
public sealed class MergedModelTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("ftg-merged-").FullName;

    public static TheoryData<string> Families => [.. Golden.Names.Where(n => !Golden.IsClassifier(n))];

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [MemberData(nameof(Families))]
    public async Task Write_OfEveryFamilyInSeveralFiles_LoadsAsTheSameModel(string family)
    {
        var golden = new Golden(family);
        using var adapter = golden.Adapter("final");

        var parity = await ParityAsync(golden, adapter, maxFileBytes: 20_000);

        Assert.InRange(parity.MaxLogitDifference, 0, 1e-4);
        Assert.True(Directory.GetFiles(_folder, "model-*.safetensors").Length > 1);
        Assert.True(File.Exists(Path.Combine(_folder, SafetensorsIndex.FileName)));
    }

    [Theory]
    [InlineData("llama", true, false)]
    [InlineData("llama", true, true)]
    [InlineData("llama", false, true)]
    [InlineData("gpt2", true, false)]
    public async Task Write_OfDoraAndRankStabilised_LoadsAsTheSameModel(string family, bool dora, bool stabilised)
    {
        var golden = new Golden(family);
        using var adapter = Random(golden, new LoraSpec { Rank = 4, Alpha = 6, Dora = dora, RsLora = stabilised });

        var parity = await ParityAsync(golden, adapter, maxFileBytes: long.MaxValue);

        Assert.InRange(parity.MaxLogitDifference, 0, 1e-4);
        Assert.Equal(["model.safetensors"], Directory.GetFiles(_folder).Select(Path.GetFileName));
    }

    [Fact]
    public async Task Require_OfAModelThatIsNotTheSame_NamesTheFigure()
    {
        var golden = new Golden("llama");
        using var adapter = golden.Adapter("final");
        await ParityAsync(golden, adapter, long.MaxValue);
        using var model = golden.Load();
        using var other = golden.Adapter("init");
        using var folder = SafetensorsModel.OpenFolder(_folder);
        using var merged = new CausalLm(golden.Architecture, WeightLoader.Load(golden.Architecture, new SafetensorsSource(folder)));
        using var scope = NewDisposeScope();

        var parity = ExportParity.Measure(ExportParity.Logits(model, other, golden.Sequences), merged, null, golden.Sequences);
        var refusal = Assert.Throws<GridException>(() => parity.Require(ScalarType.Float32));

        Assert.Contains("the logits differ by up to", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("Nothing was kept", refusal.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(10, 0.001, 0.995, null)]
    [InlineData(10, 0.011, 1, "0.011")]
    [InlineData(10, 0.001, 0.98, "98")]
    [InlineData(10, double.NaN, 1, "NaN")]
    [InlineData(0, 0, 0, "0")]
    public void Require_OfFullPrecision_HoldsDifferenceAndAgreement(double largest, double difference, double agreement, string? said)
    {
        var parity = new ExportParity(100, difference, largest, agreement);

        var refusal = Record.Exception(() => parity.Require(ScalarType.Float32));

        if (said is null) Assert.Null(refusal);
        else Assert.Contains(said, Assert.IsType<GridException>(refusal).Message, StringComparison.Ordinal);
    }

    internal static LoraAdapter Random(Golden golden, LoraSpec spec)
    {
        using var model = golden.Load();
        var adapter = LoraAdapter.Create(LoraPlan.Resolve(golden.Architecture, spec), 3, weights: model.Weights);
        foreach (var module in adapter.Plan.Modules)
        {
            adapter.Parameters.FillNormal(module.NameB, 5, 0.1);
            using var scope = NewDisposeScope();
            if (module.Dora)
                adapter.Parameters.Set(module.NameMagnitude, adapter.Parameters[module.NameMagnitude].detach() * 1.25);
        }
        return adapter;
    }

    private async Task<ExportParity> ParityAsync(Golden golden, LoraAdapter adapter, long maxFileBytes)
    {
        using var model = golden.Load();
        using var file = SafetensorsFile.Open(golden.File("model.safetensors"));
        await MergedModel.WriteAsync(_folder, golden.Architecture, new SafetensorsSource(file), adapter, maxFileBytes);
        using var folder = SafetensorsModel.OpenFolder(_folder);
        using var merged = new CausalLm(golden.Architecture, WeightLoader.Load(golden.Architecture, new SafetensorsSource(folder)));
        using var scope = NewDisposeScope();
        return ExportParity.Measure(ExportParity.Logits(model, adapter, golden.Sequences), merged, null, golden.Sequences);
    }
}
