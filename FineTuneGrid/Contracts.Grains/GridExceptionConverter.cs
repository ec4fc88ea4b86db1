using Orleans;

namespace FineTuneGrid.Contracts.Grains;

/// <summary>What travels of a <see cref="GridException"/>: the refusal, not the stack of the silo that made it.</summary>
[GenerateSerializer]
[Alias("ftg.GridException")]
public struct GridExceptionSurrogate
{
    [Id(0)]
    public string Code;

    [Id(1)]
    public string Message;

    [Id(2)]
    public string? Field;

    [Id(3)]
    public List<GridFinding>? Findings;
}

/// <summary>Lets a <see cref="GridException"/> cross grain calls although its own assembly knows nothing of grains.</summary>
[RegisterConverter]
public sealed class GridExceptionConverter : IConverter<GridException, GridExceptionSurrogate>
{
    public GridException ConvertFromSurrogate(in GridExceptionSurrogate surrogate) =>
        new(surrogate.Code, surrogate.Message, surrogate.Field) { Findings = surrogate.Findings ?? [] };

    public GridExceptionSurrogate ConvertToSurrogate(in GridException value) => new()
    {
        Code = value.Code,
        Message = value.Message,
        Field = value.Field,
        Findings = value.Findings.Count == 0 ? null : [.. value.Findings],
    };
}
