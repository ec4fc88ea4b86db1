using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Training;
using FineTuneGrid.Models.Optim;
using FineTuneGrid.Storage;
using FineTuneGrid.Trainer.Gangs;
using static TorchSharp.torch;

namespace FineTuneGrid.Trainer.Training;

/// <summary>A run's way to and from its committed states. Blocks its caller.</summary>
internal sealed class RunCheckpoints(IBlobStore blobs, TrainingOrder order, TimeProvider time)
{
    /// <summary>Above the longest time between a part and its commit.</summary>
    private static readonly TimeSpan YoungestCollected = TimeSpan.FromMinutes(10);

    private static readonly TimeSpan CollectEvery = TimeSpan.FromMinutes(1);

    private readonly CheckpointStore _store = new(blobs, order.JobId, time);
    private long _collected = time.GetTimestamp();

    public RestoredCheckpoint? Find() => Wait(_store.RestoreAsync());

    /// <summary>The committed state of this manifest.</summary>
    /// <exception cref="GridException"><c>corrupt_checkpoint</c> where it is damaged, <c>conflict</c> where it was collected meanwhile.</exception>
    public RestoredCheckpoint Open(string manifest)
    {
        try
        {
            return Wait(_store.OpenAsync(manifest));
        }
        catch (GridException e) when (e.Code == ErrorCodes.CorruptCheckpoint && !IsKept(manifest))
        {
            throw new GridException(
                ErrorCodes.Conflict, $"The checkpoint '{manifest}' was removed meanwhile, since the job has committed newer ones: name newer steps, or raise checkpoint.keep.", "checkpoint.keep", e);
        }
    }

    /// <summary>Fills weights and moments; the state to go on from.</summary>
    public TrainerState Load(RestoredCheckpoint checkpoint, Trainee trainee, AdamW optimizer)
    {
        var state = LoadState(checkpoint);
        using (var weights = Open(checkpoint, RunParts.WeightsName(trainee)))
            RunParts.ReadWeights(trainee, weights);
        using (var moments = Open(checkpoint, RunParts.Optimizer))
            RunParts.ReadMoments(trainee, optimizer, moments);
        optimizer.StepCount = state.Step;
        return state;
    }

    /// <summary>What worker 0 carries from round to round; null where the checkpoint holds none.</summary>
    public RoundState? LoadRounds(RestoredCheckpoint checkpoint, Trainee trainee)
    {
        using var file = Open(checkpoint, RunParts.Optimizer);
        float[]? Values(string prefix) => RunParts.ReadRounds(trainee, file, prefix);
        return Values(RoundState.VelocityPrefix) is { } velocity
            ? new RoundState(Values(RoundState.ValuesPrefix) ?? [], velocity, Values(RoundState.CarriedPrefix) ?? [])
            : null;
    }

    /// <summary>Fills weights and moments from another worker's part; what it carries over.</summary>
    public float[] LoadWorker(RestoredCheckpoint checkpoint, int rank, Trainee trainee, AdamW optimizer)
    {
        using var file = Open(checkpoint, RunParts.WorkerName(rank));
        RunParts.ReadWeights(trainee, file);
        RunParts.ReadMoments(trainee, optimizer, file);
        return RunParts.ReadRounds(trainee, file, RoundState.CarriedPrefix) ?? throw RunParts.Unfit(file, "lacks what the worker carried over");
    }

    /// <summary>Fills the weights with the mean of all workers'.</summary>
    public void LoadMean(RestoredCheckpoint checkpoint, int workers, Trainee trainee)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        var sum = trainee.Trained.Flat.clone();
        for (var rank = 1; rank < workers; rank++)
        {
            using var file = Open(checkpoint, RunParts.WorkerName(rank));
            RunParts.ReadWeights(trainee, file);
            sum.add_(trainee.Trained.Flat);
        }
        trainee.Trained.Flat.copy_(sum.div_(workers));
    }

    /// <summary>Makes a part durable that worker 0 commits.</summary>
    public void Write(CheckpointPart part, CancellationToken cancellation) => Wait(_store.WritePartAsync(part, cancellation));

    public static CheckpointPart Described(CheckpointPart part) => Wait(part.DescribedAsync());

    public TrainerState LoadState(RestoredCheckpoint checkpoint) =>
        GridJson.Parse<TrainerState>(Wait(_store.ReadPartAsync(Part(checkpoint, TrainerState.PartName))));

    /// <param name="parts">Weights and moments first.</param>
    /// <param name="guard">Throws where the lease is over. Called right before the store is asked.</param>
    public Committed Commit(TrainerState state, IReadOnlyList<CheckpointPart> parts, bool finished, Action guard, CancellationToken cancellation = default)
    {
        CheckpointPart[] described = [.. parts.Select(p => Wait(p.DescribedAsync(cancellation)))];
        guard();
        var head = Wait(_store.CommitAsync(new CheckpointCommit(order.Epoch, state.Step, state.SamplesConsumed, described) { Finished = finished }, cancellation));
        var manifest = head.Head.Newest!.Manifest;
        Collect(cancellation);
        return new Committed(manifest, described[0].Info!.Sha256, described[1].Info!.Sha256);
    }

    /// <param name="WeightsSha256">Of the weights' file.</param>
    internal sealed record Committed(string ManifestKey, string WeightsSha256, string OptimizerSha256);

    public static CheckpointPartInfo Part(RestoredCheckpoint checkpoint, string name) => checkpoint.Manifest.Find(name)
        ?? throw new GridException(ErrorCodes.CorruptCheckpoint, $"The checkpoint '{checkpoint.Key}' has no part '{name}': it is of another kind of job.");

    /// <summary>SHA-256 of the part's bytes.</summary>
    public static string Digest(CheckpointPart part)
    {
        using var content = part.Open();
        return Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(content));
    }

    private bool IsKept(string manifest) =>
        Wait(_store.ReadHeadAsync())?.Head.Recent.Take(order.Spec.Checkpoint.Keep).Any(r => r.Manifest == manifest) == true;

    private SafetensorsFile Open(RestoredCheckpoint checkpoint, string name)
    {
        using var local = Wait(_store.OpenPartAsync(Part(checkpoint, name)));
        return SafetensorsFile.Open(local.Handle, name);
    }

    private void Collect(CancellationToken cancellation)
    {
        if (time.GetElapsedTime(_collected) < CollectEvery) return;
        _collected = time.GetTimestamp();
        Wait(_store.CollectAsync(order.Spec.Checkpoint.Keep, YoungestCollected, cancellation));
    }

    private static T Wait<T>(Task<T> task) => task.GetAwaiter().GetResult();
}
