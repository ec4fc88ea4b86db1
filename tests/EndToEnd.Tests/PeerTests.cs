using System.Globalization;
using System.Text.Json.Nodes;

namespace FineTuneGrid.EndToEnd;

/// <summary>The pulled adapter in plain PyTorch: <c>W + B·A·alpha/r</c> gives the loss that the product states.</summary>
[Collection(SharedGrid.Name)]
public sealed class PeerTests(SharedGrid shared) : IDisposable
{
    private const double Tolerance = 1e-4;
    private const string Python = "/usr/bin/python3";

    private readonly string _folder = Directory.CreateTempSubdirectory("ftg-peer-").FullName;

    private GridProcess Grid => shared.Grid;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Adapter_PulledIntoPlainPyTorch_GivesTheProductsLoss()
    {
        TinyModel.WriteTo(Path.Combine(_folder, "model"));
        await File.WriteAllBytesAsync(Path.Combine(_folder, "rows.jsonl"), TinyData.Rows(12, seed: 2));
        await PullAsync(SharedGrid.ReferenceAdapter);

        var (plain, tuned) = (await PeerAsync("-"), await PeerAsync("adapter"));

        Assert.Equal(await ProductAsync("base"), plain, Tolerance);
        Assert.Equal(await ProductAsync(SharedGrid.ReferenceAdapter), tuned, Tolerance);
        Assert.True(tuned < plain - 0.1, $"the adapter was expected to matter: {plain} without, {tuned} with it");
    }

    private async Task PullAsync(string adapter)
    {
        var folder = Directory.CreateDirectory(Path.Combine(_folder, "adapter")).FullName;
        foreach (var file in (string[])["adapter_config.json", "adapter_model.safetensors"])
            await File.WriteAllBytesAsync(Path.Combine(folder, file), await Grid.PullAsync(adapter, file));
    }

    private async Task<double> PeerAsync(string adapter)
    {
        var script = Path.Combine(Programs.Repository, "tests", "EndToEnd.Tests", "peer", "check_adapter.py");
        return double.Parse(await Shell.RunAsync(_folder, Python, script, "model", adapter, "rows.jsonl"), CultureInfo.InvariantCulture);
    }

    private async Task<double> ProductAsync(string model)
    {
        var request = new JsonObject { ["model"] = model, ["dataset"] = "validation", ["format"] = "tokens" };
        return (await Grid.PostAsync("/api/v1/evaluate", request.ToJsonString())).Ok().Json.GetProperty("loss").GetDouble();
    }
}
