using System.Globalization;
using System.Text.Json.Nodes;
using FineTuneGrid.Contracts.Training;
using FineTuneGrid.Trainer.Tasks;

namespace FineTuneGrid.TrainerSupport;

/// <summary>A job whose memory is measured.</summary>
/// <param name="Config">Of a base model with random weights.</param>
/// <param name="Method">Of the spec.</param>
/// <param name="Tokens">Of a micro-batch, of which each step has one.</param>
/// <param name="Length">Of each example, in tokens; a pair has two of them.</param>
/// <param name="Preferences">It trains on pairs.</param>
internal sealed record MemoryCase(string Name, string Config, string Method, int Tokens, int Length, bool Preferences = false, string Precision = "fp32");

/// <param name="PeakBytes">Of a trainer's resident memory in the job's steps, less what the trainer had before it loaded the job's model.</param>
/// <param name="PlannedBytes">What the job's plan says that it needs.</param>
/// <param name="StepSeconds">Of the shortest step.</param>
internal sealed record MemoryPeak(long PeakBytes, long PlannedBytes, double StepSeconds)
{
    public double PeakOfPlanned => PeakBytes / (double)PlannedBytes;
}

/// <summary>Measures jobs in a real trainer process.</summary>
internal static class MemoryProbe
{
    private const int Steps = 3;

    /// <summary>A job of another kind runs first: the libraries are loaded then, their pools and scratch memory are there, and no base is resident yet.</summary>
    public static async Task<MemoryPeak> RunAsync(MemoryCase wanted)
    {
        using var store = new TestStore();
        var model = await RandomModel.AddAsync(store.Blobs, "memory", wanted.Config);
        var examples = Steps * Math.Max(1, wanted.Tokens / wanted.Length);
        var train = wanted.Preferences ? store.AddPairs("memory", examples, seed: 1, wanted.Length) : store.AddTokens("memory", examples, seed: 1, wanted.Length);
        var order = store.Order("job-memory", change: json => Describe(json, wanted), train: train);
        order = order with { Model = model, Validation = null, Resolved = order.Resolved with { Precision = wanted.Precision } };
        var planned = Planning.Plan(store.Blobs, new PlanTask(order)).MemoryBytes;

        await using var agent = await FakeAgent.StartAsync(store, leaseSeconds: 600);
        var first = store.Order("job-first", change: json => json["method"] = new JsonObject { ["type"] = "full" });
        await store.FenceAsync(first);
        await agent.TrainAsync(first);
        var before = Status(agent.Process.Id, "VmRSS");
        await store.FenceAsync(order);
        await agent.SendAsync(new Attach(order));
        await agent.UntilAsync<JobAttached>(a => a.JobId == order.JobId);
        // Pages of the model's mapped file counted while it was loaded; the peak is counted anew from here.
        await File.WriteAllTextAsync($"/proc/{agent.Process.Id}/clear_refs", "5");
        await agent.UntilAsync<JobFinished>(f => f.JobId == order.JobId);
        var steps = agent.Reports.OfType<JobSteps>().Where(r => r.JobId == order.JobId).SelectMany(r => r.Steps);
        return new MemoryPeak(Status(agent.Process.Id, "VmHWM") - before, planned, steps.Min(s => s.Seconds));
    }

    private static void Describe(JsonObject json, MemoryCase wanted)
    {
        json["data"]!["sequence_length"] = wanted.Length;
        json["method"] = JsonNode.Parse(wanted.Method);
        json["optimizer"] = new JsonObject { ["learning_rate"] = 1e-4, ["max_steps"] = Steps, ["batch_tokens"] = wanted.Tokens, ["micro_batch_tokens"] = wanted.Tokens };
        // The copy for a checkpoint is there from the first step on.
        json["checkpoint"]!["every_steps"] = 1;
        if (wanted.Preferences) json["objective"] = new JsonObject { ["type"] = "dpo", ["beta"] = 0.1 };
    }

    /// <summary>A figure of <c>/proc/PID/status</c>, in bytes.</summary>
    private static long Status(int process, string name) =>
        File.ReadLines($"/proc/{process}/status").Where(l => l.StartsWith(name + ':', StringComparison.Ordinal)).Select(l => long.Parse(l.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) * 1024).Single();
}
