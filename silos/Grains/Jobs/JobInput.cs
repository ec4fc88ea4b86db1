using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Training;

namespace FineTuneGrid.Grains.Jobs;

/// <summary>Something that happens to a job.</summary>
public abstract record JobInput;

public sealed record CancelAsked : JobInput;

public sealed record PauseAsked : JobInput;

public sealed record ResumeAsked : JobInput;

public sealed record Resolved(JobPlan Plan) : JobInput;

public sealed record ResolveFailed(GridError Error) : JobInput;

public sealed record Granted(PlacementGrant Grant) : JobInput;

public sealed record Reported(string SessionId, TrainerReport Report) : JobInput;

public sealed record Lost(int Epoch, string SessionId, GridError Reason) : JobInput;

/// <param name="LostNodes">Nodes of the placement whose lease is over.</param>
public sealed record StopAsked(string PlacementId, string Reason, IReadOnlyList<string>? LostNodes = null) : JobInput;

public sealed record Condemned(GridError Error) : JobInput;

public sealed record Published(string Version) : JobInput;

public sealed record PublishRefused(GridError Error) : JobInput;

/// <summary>An effect without a result of its own is done.</summary>
public sealed record EffectDone(string OperationId) : JobInput;
