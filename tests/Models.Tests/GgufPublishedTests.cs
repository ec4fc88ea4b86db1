using System.Text.Json;
using FineTuneGrid.Models.Architectures;
using FineTuneGrid.Models.Config;
using FineTuneGrid.Models.Export;
using FineTuneGrid.Models.Generation;
using FineTuneGrid.Models.Loading;
using FineTuneGrid.Models.Lora;
using FineTuneGrid.Storage;
using FineTuneGrid.Text;

namespace FineTuneGrid.Models.Tests;

/// <summary>Trained models with their own tokenizers, base and adapter, run by llama.cpp.</summary>
[Trait("Category", "Slow")]
public sealed class GgufPublishedTests : IDisposable
{
    private const string Text = "What is 12 + 30? It's 42, isn't it?\n\tNaïve café: 東京 ½ <|end|> done.  ";

    private readonly string _folder = Directory.CreateTempSubdirectory("ftg-gguf-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task LlamaCpp_OnTheSampleModel_ChoosesOurIdsAndSplitsTextAsWeDo()
    {
        var folder = Path.Combine(AppContext.BaseDirectory, "sample");
        var text = ModelText.LoadFolder(folder);
        var prompt = text.EncodePrompt("What is 12 + 30?");

        var (ours, answers) = await AskAsync(folder, prompt, 100);

        Assert.Equal(text.Tokenizer.Encode(Text, addSpecialTokens: false, parseSpecial: false), answers[0].Text);
        Assert.NotEqual(ours[0], ours[1]);
        Assert.Equal(ours[0], answers[0].Ids);
        Assert.Equal(ours[1], answers[1].Ids);
    }

    [Fact]
    public async Task LlamaCpp_OnTheStoriesModelWherePresent_ChoosesTheReferenceProgramsIds()
    {
        if (GoldenTests.Stories() is not { } folder)
            return;
        var greedy = JsonDocument.Parse(await File.ReadAllBytesAsync(Path.Combine(folder, "golden.json"))).RootElement.GetProperty("greedy");

        var (ours, answers) = await AskAsync(folder, greedy.GetProperty("prompt").Deserialize<int[]>()!, 200);

        Assert.Equal(greedy.GetProperty("ids").Deserialize<int[]>()!, answers[0].Ids);
        Assert.Equal(ours[1], answers[1].Ids);
        Assert.NotEqual(ours[0], ours[1]);
    }

    /// <summary>The base alone, then with an adapter whose factors are random.</summary>
    private async Task<(int[][] Ours, LlamaAnswer[] Answers)> AskAsync(string folder, int[] prompt, int count)
    {
        var architecture = ModelFamilies.Create(ModelConfig.Parse(await File.ReadAllBytesAsync(Path.Combine(folder, "config.json"))));
        using var weights = SafetensorsModel.OpenFolder(folder);
        var source = new SafetensorsSource(weights);
        using var model = new CausalLm(architecture, WeightLoader.Load(architecture, source));
        using var adapter = LoraAdapter.Create(LoraPlan.Resolve(architecture, new LoraSpec { Rank = 4, Alpha = 8, RsLora = true }), 3);
        foreach (var module in adapter.Plan.Modules)
            adapter.Parameters.FillNormal(module.NameB, 5, 0.05);
        var (basePath, adapterPath) = (Path.Combine(_folder, "model.gguf"), Path.Combine(_folder, "adapter.gguf"));
        var files = ModelText.FileNames.Where(n => File.Exists(Path.Combine(folder, n)))
            .ToDictionary(n => n, n => new ReadOnlyMemory<byte>(File.ReadAllBytes(Path.Combine(folder, n))), StringComparer.Ordinal);
        await using (var stream = File.Create(basePath))
            GgufModel.Write(stream, architecture, "published", source, GgufVocabulary.Read(files, null, architecture.VocabSize));
        await using (var stream = File.Create(adapterPath))
            GgufAdapter.Write(stream, architecture, "published", adapter);
        int[][] ours = [.. new[] { null, adapter }.Select(a =>
            new TextGenerator(model).Generate([prompt], new GenerationOptions { MaxNewTokens = count, StopTokens = [] }, a)[0].Tokens.ToArray())];
        return (ours, await LlamaPeer.AskAsync([new(basePath, null, prompt, count, Text), new(basePath, adapterPath, prompt, count)]));
    }
}
