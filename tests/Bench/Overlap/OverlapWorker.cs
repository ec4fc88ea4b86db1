using System.CommandLine;
using System.Diagnostics;
using System.Text.Json;
using FineTuneGrid.Bench.Checkpoints;
using FineTuneGrid.Contracts.Training;
using FineTuneGrid.Models;
using FineTuneGrid.Models.Architectures;
using FineTuneGrid.Models.Config;
using FineTuneGrid.Models.Layers;
using FineTuneGrid.Models.Loading;
using FineTuneGrid.Models.Lora;
using FineTuneGrid.Models.Numerics;
using FineTuneGrid.Trainer.Gangs;
using FineTuneGrid.Trainer.Training;
using FineTuneGrid.TrainerSupport;
using static TorchSharp.torch;

namespace FineTuneGrid.Bench.Overlap;

/// <summary>One of the two workers: a program of its own, since it is in a network of its own. Worker 0 says where to meet, then a line a step.</summary>
internal static class OverlapWorker
{
    public const string Name = "overlap-worker";

    /// <summary>Of each kind, before any counts.</summary>
    private const int WarmSteps = 1;

    public static Command Command()
    {
        var (rank, host, meeting) = (new Option<int>("--rank"), new Option<string>("--host"), new Option<string?>("--meeting"));
        var (steps, tokens) = (new Option<int>("--steps"), new Option<int>("--tokens"));
        var command = new Command(Name) { rank, host, meeting, steps, tokens };
        command.Hidden = true;
        command.SetAction(parsed =>
        {
            TorchRuntime.Start(1);
            Run(new GangMembership(parsed.GetValue(rank), 2, parsed.GetValue(meeting), parsed.GetValue(host)!), parsed.GetValue(steps), parsed.GetValue(tokens));
        });
        return command;
    }

    private static void Run(GangMembership membership, int steps, int tokens)
    {
        using var store = new TestStore();
        using var gang = Gang.Of(store.Order("job-overlap") with { Gang = membership }, () => { }, TimeProvider.System)!;
        var architecture = ModelFamilies.Create(ModelConfig.Parse(System.Text.Encoding.UTF8.GetBytes(BenchModel.SmallConfig)));
        gang.Open(met => Console.WriteLine($"{((JobMeeting)met).Host}:{((JobMeeting)met).Port}"));
        using var model = new CausalLm(architecture, RandomBase(architecture));
        using var adapter = LoraAdapter.Create(LoraPlan.Resolve(architecture, new LoraSpec { Rank = 16, Alpha = 32 }), seed: 1);
        using var sum = new ReducedSum(gang, adapter.Parameters);
        var batch = MicroBatch.Of([.. Enumerable.Range(0, tokens).Select(t => (t * 7919 + membership.Rank) % architecture.VocabSize)]);
        while (!gang.Meet()) { }
        for (var step = 0; step < 2 * (WarmSteps + steps); step++)
        {
            // Which kind goes first turns, too.
            var beside = step % 4 is 0 or 3;
            var started = Stopwatch.GetTimestamp();
            sum.Run(step, gang.Size, (_, gradient, layerDone) => model.LossAndGradients(batch, adapter, gradient, new TrainingPass(LayerDone: beside ? layerDone : null)));
            var done = new OverlapStep(beside, Stopwatch.GetElapsedTime(started).TotalMilliseconds, TensorBytes.Sha256(sum.Total), adapter.Parameters.Count);
            if (gang.IsFirst && step >= 2 * WarmSteps) Console.WriteLine(JsonSerializer.Serialize(done));
        }
        gang.Part();
    }

    private static ModelWeights RandomBase(Architecture architecture) => ModelWeights.Frozen(
        architecture.Parameters.ToDictionary(p => p.Name, p => p.Init == ParameterInit.Ones ? ones(p.Shape) : randn(p.Shape).mul_(0.02), StringComparer.Ordinal), ScalarType.Float32);
}
