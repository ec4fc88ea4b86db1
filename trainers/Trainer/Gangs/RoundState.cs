namespace FineTuneGrid.Trainer.Gangs;

/// <summary>What a worker that takes steps of its own carries from round to round.</summary>
/// <param name="Values">The common values that the workers last agreed on.</param>
/// <param name="Velocity">Momentum of the outer optimizer, the same for all.</param>
/// <param name="Carried">What coding has left over of this worker's own moves.</param>
internal sealed record RoundState(float[] Values, float[] Velocity, float[] Carried)
{
    /// <summary>Prefixes of the tensors' names in a checkpoint.</summary>
    public const string ValuesPrefix = "outer_values.";
    public const string VelocityPrefix = "outer_velocity.";
    public const string CarriedPrefix = "carried.";

    /// <summary>In the first worker's part of a checkpoint.</summary>
    public IReadOnlyDictionary<string, float[]> All => new Dictionary<string, float[]> { [ValuesPrefix] = Values, [VelocityPrefix] = Velocity, [CarriedPrefix] = Carried };

    /// <summary>In another worker's: what is not the first's too.</summary>
    public IReadOnlyDictionary<string, float[]> Own => new Dictionary<string, float[]> { [CarriedPrefix] = Carried };
}
