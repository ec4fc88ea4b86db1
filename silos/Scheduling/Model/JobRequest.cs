using System.Text.Json.Serialization;

namespace FineTuneGrid.Scheduling;

/// <summary>What a job asks of the scheduler. Fixed at submission, except <see cref="Priority"/>.</summary>
public sealed record JobRequest
{
    public required string Id { get; init; }

    public required string Org { get; init; }

    public string Queue { get; init; } = "default";

    /// <summary>Higher goes first. Only a strictly higher one preempts.</summary>
    public int Priority { get; init; }

    /// <summary>Slots that the job asks for at once.</summary>
    public int Workers { get; init; } = 1;

    /// <summary>Slots that it starts with where no more are free; 0 for all of <see cref="Workers"/> or none.</summary>
    public int MinWorkers { get; init; }

    /// <summary>The fewest slots that it starts with.</summary>
    [JsonIgnore]
    public int Least => MinWorkers > 0 && MinWorkers < Workers ? MinWorkers : Workers;

    public SlotDevice Device { get; init; }

    /// <summary>Memory of the frozen base model per slot; counted once per session.</summary>
    public long BaseMemoryBytes { get; init; }

    /// <summary>Memory of this job's adapter, optimizer and activations per slot.</summary>
    public long JobMemoryBytes { get; init; }

    public string BaseDigest { get; init; } = "";

    /// <summary>Jobs with equal keys may share a session: base, precision, threads, device. Empty: never shares.</summary>
    public string SessionKey { get; init; } = "";

    /// <summary>Labels that a node must carry.</summary>
    public IReadOnlyDictionary<string, string> Labels { get; init; } = new Dictionary<string, string>();

    public bool Preemptible { get; init; } = true;

    /// <summary>Estimated work in milliseconds on the slots asked for; 0 where it is not known yet.</summary>
    public long WorkMs { get; init; }
}
