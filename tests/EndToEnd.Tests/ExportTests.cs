using System.Text.Json;
using System.Text.Json.Nodes;

namespace FineTuneGrid.EndToEnd;

/// <summary>A trained adapter and its base in other formats, by the commands that a user has for it.</summary>
[Collection(SharedGrid.Name)]
public sealed class ExportTests(SharedGrid shared) : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("ftg-exports-").FullName;

    private GridProcess Grid => shared.Grid;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Merged_AddedAgainAsAModel_HasTheAdaptersLoss()
    {
        var export = JsonDocument.Parse(await FtgAsync("adapter", "export", SharedGrid.ReferenceAdapter, "merged", "--format", "merged", "--json")).RootElement;
        await FtgAsync("model", "add", "merged", "merged");

        Assert.Equal(1, export.GetProperty("report").GetProperty("parity").GetProperty("top_one_agreement").GetDouble());
        Assert.True(File.Exists(Path.Combine(_folder, "merged", "export.json")));
        Assert.Equal(await LossAsync(SharedGrid.ReferenceAdapter), await LossAsync("merged"), 1e-5);
    }

    [Fact]
    public async Task Gguf_OfAdapterAndBase_IsMeasuredAndMadeOnce()
    {
        await FtgAsync("adapter", "export", SharedGrid.ReferenceAdapter, "adapter", "--format", "gguf");
        await FtgAsync("model", "export", "base", "base", "--format", "gguf", "--dtype", "f16");
        var first = await File.ReadAllBytesAsync(Path.Combine(_folder, "adapter", "export.json"));
        await FtgAsync("adapter", "export", SharedGrid.ReferenceAdapter, "adapter", "--format", "gguf");

        Assert.Equal(first, await File.ReadAllBytesAsync(Path.Combine(_folder, "adapter", "export.json")));
        foreach (var (folder, file, dtype) in new[] { ("adapter", "adapter.gguf", "f32"), ("base", "model.gguf", "f16") })
        {
            Assert.Equal("GGUF"u8.ToArray(), (await File.ReadAllBytesAsync(Path.Combine(_folder, folder, file)))[..4]);
            var report = JsonNode.Parse(await File.ReadAllTextAsync(Path.Combine(_folder, folder, "export.json")))!;
            Assert.Equal(dtype, (string)report["dtype"]!);
            Assert.InRange((double)report["parity"]!["top_one_agreement"]!, 0.97, 1);
        }
    }

    private Task<string> FtgAsync(params string[] arguments) => Shell.RunAsync(
        _folder, "env", ["FTG_URL=" + Grid.Address, "FTG_API_KEY=" + File.ReadAllText(Path.Combine(Grid.Data, "admin.key")).Trim(), "dotnet", Programs.Cli, .. arguments]);

    private async Task<double> LossAsync(string model)
    {
        var request = new JsonObject { ["model"] = model, ["dataset"] = "validation", ["format"] = "tokens" };
        return (await Grid.PostAsync("/api/v1/evaluate", request.ToJsonString())).Ok().Json.GetProperty("loss").GetDouble();
    }
}
