using System.Text.Json;

// In the namespace of the contract, which decides how a type is copied.
namespace FineTuneGrid.Contracts.SharedShapes;

public sealed record Plain(string Name, int? Count, IReadOnlyList<Plain> Children, IReadOnlyDictionary<string, double> Figures, JsonElement? Data);

public abstract record Kind(int Number);

public sealed record FixedKind(int Number) : Kind(Number);

public sealed record HoldsKind(Kind Kind);

public abstract record LooseKind(int Number);

public sealed record OpenKind(int Number) : LooseKind(Number)
{
    public string Note { get; set; } = "";
}

public sealed record HoldsOpenKind(LooseKind Kind);

public sealed record HoldsList(List<string> Names);

public sealed record HoldsArray(int[] Numbers);

public sealed record HoldsObject(object Anything);

public sealed record HoldsNested(IReadOnlyList<HoldsList> Lists);
