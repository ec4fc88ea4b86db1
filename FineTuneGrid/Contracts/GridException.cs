namespace FineTuneGrid.Contracts;

/// <summary>
/// The one exception that carries a refusal to a user. REST maps it to problem+json, the CLI to one line and an exit code.
/// </summary>
/// <param name="code">A stable identifier from <see cref="ErrorCodes"/>.</param>
/// <param name="message">What is wrong and how to mend it, in one sentence.</param>
/// <param name="field">The JSON path of the input at fault, for example <c>method.rank</c>; null where no field is.</param>
public sealed class GridException(string code, string message, string? field = null, Exception? inner = null)
    : Exception(message, inner)
{
    public string Code { get; } = code;

    public string? Field { get; } = field;

    /// <summary>Further findings of the same check, at most 100, such as the bad lines of a file.</summary>
    public IReadOnlyList<GridFinding> Findings { get; init; } = [];

    public GridError ToError() => new(Code, Message, Field, Findings.Count == 0 ? null : Findings);
}

/// <summary>One finding of a check: where (a field path, a file, a row) and what.</summary>
/// <param name="Sample">The beginning of the row, where it could be read.</param>
public sealed record GridFinding(string Where, string Message, long? Row = null, string? Sample = null);

/// <summary>The serialised form of a <see cref="GridException"/>: job errors, process replies, problem+json extensions.</summary>
public sealed record GridError(string Code, string Message, string? Field = null, IReadOnlyList<GridFinding>? Findings = null)
{
    public GridException ToException() => new(Code, Message, Field) { Findings = Findings ?? [] };
}
