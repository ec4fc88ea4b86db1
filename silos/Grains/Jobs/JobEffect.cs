using System.Text.Json.Serialization;
using FineTuneGrid.Contracts.Grains;

namespace FineTuneGrid.Grains.Jobs;

/// <summary>
/// Something that a job still has to do outside of its own state. Each is idempotent by its operation id and kept in the
/// outbox until it is done, whatever crashes meanwhile.
/// </summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "type")]
[JsonDerivedType(typeof(ResolveEffect), "resolve")]
[JsonDerivedType(typeof(UseEffect), "use")]
[JsonDerivedType(typeof(EnqueueEffect), "enqueue")]
[JsonDerivedType(typeof(StartedEffect), "started")]
[JsonDerivedType(typeof(PauseEffect), "pause")]
[JsonDerivedType(typeof(CancelEffect), "cancel")]
[JsonDerivedType(typeof(ReleaseEffect), "release")]
[JsonDerivedType(typeof(FenceEffect), "fence")]
[JsonDerivedType(typeof(StartWorkerEffect), "start_worker")]
[JsonDerivedType(typeof(StopTrainerEffect), "stop_trainer")]
[JsonDerivedType(typeof(KillSessionEffect), "kill_session")]
[JsonDerivedType(typeof(PublishEffect), "publish")]
[JsonDerivedType(typeof(CloseEffect), "close")]
[JsonDerivedType(typeof(AnnounceEffect), "announce")]
public abstract record JobEffect
{
    /// <summary>Unique within the job.</summary>
    public required string OperationId { get; init; }

    /// <summary>Effects of one lane are carried out one after the other, in order.</summary>
    [JsonIgnore]
    public abstract string Lane { get; }
}

/// <summary>Resolve names, tokenise, plan.</summary>
public sealed record ResolveEffect : JobEffect
{
    public override string Lane => "resolve";
}

/// <summary>Tell model and data sets that the job needs them, or no longer does.</summary>
public sealed record UseEffect(bool InUse) : JobEffect
{
    public override string Lane => "use";
}

public sealed record EnqueueEffect : JobEffect
{
    public override string Lane => "pool";
}

public sealed record StartedEffect(string PlacementId, int Epoch) : JobEffect
{
    public override string Lane => "pool";
}

public sealed record PauseEffect(bool Paused) : JobEffect
{
    public override string Lane => "pool";
}

public sealed record CancelEffect : JobEffect
{
    public override string Lane => "pool";
}

public sealed record ReleaseEffect(PlacementRelease Release) : JobEffect
{
    public override string Lane => "pool";
}

/// <summary>The end of the job as far as the pool is concerned.</summary>
public sealed record CloseEffect : JobEffect
{
    public override string Lane => "pool";
}

/// <summary>Leave word of the end for the organisation's webhooks.</summary>
public sealed record AnnounceEffect : JobEffect
{
    public override string Lane => "announce";
}

/// <summary>Raise the store's epoch, so that a trainer of an older one cannot commit any more.</summary>
public sealed record FenceEffect(int Epoch) : JobEffect
{
    public override string Lane => "fence";
}

/// <summary>Start a gang's worker beside the first: it knows where to meet.</summary>
public sealed record StartWorkerEffect(int Rank, int Epoch) : JobEffect
{
    public override string Lane => "node";
}

public sealed record StopTrainerEffect(string NodeId, string SessionId, int Epoch, bool Checkpoint, string Reason) : JobEffect
{
    public override string Lane => "node";
}

public sealed record KillSessionEffect(string NodeId, string SessionId, string Reason) : JobEffect
{
    public override string Lane => "node";
}

/// <summary>Register the result.</summary>
public sealed record PublishEffect : JobEffect
{
    public override string Lane => "publish";
}
