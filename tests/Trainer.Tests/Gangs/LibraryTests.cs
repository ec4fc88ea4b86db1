using System.Diagnostics;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Training;
using FineTuneGrid.TrainerSupport;

namespace FineTuneGrid.Trainer.Tests.Gangs;

/// <summary>What the program can do follows from the library that lies beside it.</summary>
public sealed class LibraryTests : IDisposable
{
    private readonly TestStore _store = new();

    public void Dispose() => _store.Dispose();

    [Fact]
    public async Task Features_OfAProgramWithItsLibrary_HoldCollectives() =>
        Assert.Equal("features: collectives", (await RunAsync(AppContext.BaseDirectory, "features")).Split('\n')[^1]);

    [Fact]
    public async Task Workers_OfAProgramWithoutItsLibrary_AreRefusedByName()
    {
        var folder = CopyWithoutLibrary();
        Assert.Equal("features:", (await RunAsync(folder, "features")).Split('\n')[^1]);

        var several = await PlanAsync(folder, 2);
        Assert.Equal((ErrorCodes.InvalidSpec, "resources.workers"), (several.Error?.Code, several.Error?.Field));
        Assert.Contains("libGridNative.so", several.Error!.Message);
        Assert.True((await PlanAsync(folder, 1)).Plan?.TotalSteps > 0);
    }

    private async Task<TrainerTaskReply> PlanAsync(string folder, int workers)
    {
        var order = _store.Order("job-plan", change: j => j["resources"] = new System.Text.Json.Nodes.JsonObject { ["workers"] = workers });
        var file = Path.Combine(_store.Root, "plan.json");
        await File.WriteAllBytesAsync(file, GridJson.ToBytes(new TrainerTask("task-plan", _store.Access, "cpu", 1, _store.Model, null, Plan: new PlanTask(order))));
        return GridJson.Parse<TrainerTaskReply>((await RunAsync(folder, "task", file)).Split('\n')[^1]);
    }

    private string CopyWithoutLibrary()
    {
        var (from, to) = (AppContext.BaseDirectory, Path.Combine(_store.Root, "program"));
        foreach (var file in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories))
        {
            var name = Path.GetRelativePath(from, file);
            if (name == "libGridNative.so" || name.StartsWith("model", StringComparison.Ordinal)) continue;
            var target = Path.Combine(to, name);
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(file, target);
        }
        return to;
    }

    private static async Task<string> RunAsync(string folder, params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true };
        foreach (var argument in (string[])[Path.Combine(folder, "FineTuneGrid.Trainer.dll"), .. arguments]) start.ArgumentList.Add(argument);
        using var process = Process.Start(start)!;
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync().WaitAsync(TimeSpan.FromMinutes(2));
        return output.Trim();
    }
}
