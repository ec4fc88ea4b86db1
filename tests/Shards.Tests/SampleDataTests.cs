using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Shards.Tests.Support;

namespace FineTuneGrid.Shards.Tests;

/// <summary>The data and the tokenizer that the product ships.</summary>
public sealed class SampleDataTests : IDisposable
{
    private readonly DataFolder _data = new();

    [Theory]
    [InlineData("train.parquet")]
    [InlineData("validation.parquet")]
    public async Task Samples_InspectedAndTokenised_AreReadyToTrainOn(string name)
    {
        var samples = Path.Combine(RepositoryRoot(), "datasets", "samples");
        var file = await _data.AddAsync(name, await File.ReadAllBytesAsync(Path.Combine(samples, name)));
        var manifest = await DatasetInspection.RunAsync(_data.Store, new InspectDatasetRequest("d", [file]));
        Assert.Equal("prompt-completion", manifest.Format);
        List<SourceFile> tokenizer = [];
        foreach (var path in Directory.GetFiles(Path.Combine(samples, "tiny-tokenizer")))
            tokenizer.Add(await _data.AddAsync(Path.GetFileName(path), await File.ReadAllBytesAsync(path)));
        var model = new ModelManifest("m", "digest", "llama", 0, "F32", 256, 0, null, null, null, [], tokenizer);
        var index = await DatasetTokenizer.RunAsync(_data.Store, new TokenizeDatasetRequest(manifest, model, "auto", 256));
        Assert.Equal(manifest.Rows, index.Examples);
        var text = await DatasetTokenizer.LoadAsync(_data.Store, model);
        using var tokens = await TokenDataset.OpenAsync(_data.Store, index);
        for (var i = 0; i < tokens.Count; i++)
            Assert.Contains(tokens[i].Labels[^1], text.StopIds);
    }

    public void Dispose() => _data.Dispose();

    private static string RepositoryRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "FineTuneGrid.slnx")))
            folder = folder.Parent;
        return folder?.FullName ?? throw new DirectoryNotFoundException("FineTuneGrid.slnx is in no folder above the tests.");
    }
}
