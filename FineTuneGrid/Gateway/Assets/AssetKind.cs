using FineTuneGrid.Contracts;

namespace FineTuneGrid.Gateway.Assets;

/// <summary>Models and data sets go through the same doors.</summary>
/// <param name="Route">Last part of the route and of the blob prefix.</param>
/// <param name="IdKind">Prefix of ids.</param>
/// <param name="Noun">For messages.</param>
public sealed record AssetKind(string Route, string IdKind, string Noun)
{
    public static readonly AssetKind Model = new("models", Ids.Model, "model");
    public static readonly AssetKind Dataset = new("datasets", Ids.Dataset, "data set");
}
