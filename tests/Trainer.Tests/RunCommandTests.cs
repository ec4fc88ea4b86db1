using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Training;
using FineTuneGrid.TrainerSupport;

namespace FineTuneGrid.Trainer.Tests;

public sealed class RunCommandTests : IDisposable
{
    private readonly TestStore _store = new();

    public void Dispose() => _store.Dispose();

    [Fact]
    public async Task Run_OneOrder_WritesAPeftFolderAndALowerLoss()
    {
        var order = _store.Order("job-run");
        var file = Path.Combine(_store.Root, "order.json");
        await File.WriteAllBytesAsync(file, GridJson.ToBytes(order));
        var folder = Path.Combine(_store.Root, "out");

        var (code, output, errors) = await TrainerProgram.RunAsync("run", file, "--data", _store.Access.LocalRoot!, "--out", folder, "--threads", "1");

        Assert.True(code == 0, errors + output);
        var result = GridJson.Parse<JobResult>(output.Trim().Split('\n')[^1]);
        Assert.Equal(10, result.Steps);
        Assert.True(result.ValidLoss < await BaseLossAsync() - 0.1, $"the validation loss is {result.ValidLoss}, the base's {await BaseLossAsync()}");
        Assert.Equal(result.WeightsSha256, Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(await File.ReadAllBytesAsync(Path.Combine(folder, "adapter_model.safetensors")))));
        Assert.Contains("\"peft_type\": \"LORA\"", await File.ReadAllTextAsync(Path.Combine(folder, "adapter_config.json")));
    }

    private async Task<double> BaseLossAsync()
    {
        var task = new TrainerTask("task-base", _store.Access, "cpu", 1, _store.Model, null, Evaluation: new EvaluationTask(_store.Validation, 0));
        var file = Path.Combine(_store.Root, "task.json");
        await File.WriteAllBytesAsync(file, GridJson.ToBytes(task));
        var (_, output, errors) = await TrainerProgram.RunAsync("task", file);
        var reply = GridJson.Parse<TrainerTaskReply>(output.Trim().Split('\n')[^1]);
        Assert.True(reply.Error is null, errors + reply.Error?.Message);
        return reply.Evaluation!.Loss;
    }

    [Fact]
    public async Task Run_UnknownOption_IsAUsageError()
    {
        var (code, _, errors) = await TrainerProgram.RunAsync("run", "order.json", "--dta", "x");

        Assert.Equal(2, code);
        Assert.Contains("--dta", errors);
    }
}
