using System.Text.Json;
using FineTuneGrid.Contracts.Jobs;

namespace FineTuneGrid.Models.Lora;

/// <summary>What a low-rank adapter (Hu et al. 2021) covers and how large it is.</summary>
public sealed record LoraSpec
{
    public required int Rank { get; init; }

    public required double Alpha { get; init; }

    public double Dropout { get; init; }

    public TargetModules Targets { get; init; } = TargetModules.AllLinear;

    /// <summary>Ranks of some modules, by a regular expression on the end of the module's path. As in PEFT the first that matches holds.</summary>
    public IReadOnlyDictionary<string, int> RankPattern { get; init; } = new Dictionary<string, int>();

    public IReadOnlyDictionary<string, double> AlphaPattern { get; init; } = new Dictionary<string, double>();

    /// <summary>Scale alpha / sqrt(rank) instead of alpha / rank (Kalajdzievski 2023).</summary>
    public bool RsLora { get; init; }

    /// <summary>Direction and magnitude apart, DoRA (Liu et al. 2024): each row of W + scale * B A is brought to a length that is trained.</summary>
    public bool Dora { get; init; }

    /// <summary>
    /// Of an adapter that was made elsewhere. PEFT passes over names and patterns that match nothing and takes any rank; a spec of ours
    /// that has such is refused.
    /// </summary>
    public bool IsPublished { get; init; }

    /// <summary>Modules that are trained whole beside the factors, by the end of a path or by a part that contains them.</summary>
    public IReadOnlyList<string> ModulesToSave { get; init; } = [];

    public static LoraSpec From(MethodSpec method) => new()
    {
        Rank = method.Rank,
        Alpha = method.Alpha,
        Dropout = method.Dropout,
        Targets = TargetModules.From(method.TargetModules),
        RankPattern = method.RankPattern,
        AlphaPattern = method.AlphaPattern,
        RsLora = method.Rslora,
        Dora = method.Dora,
        ModulesToSave = method.ModulesToSave,
    };

    /// <summary>Factor of B A.</summary>
    public double ScaleOf(int rank, double alpha) => RsLora ? alpha / Math.Sqrt(rank) : alpha / rank;
}

/// <summary>Which linear layers an adapter covers.</summary>
/// <param name="Suffixes">Paths or ends of paths after a dot; null where <paramref name="Pattern"/> or all-linear holds.</param>
/// <param name="Pattern">A regular expression that the whole path must match.</param>
public sealed record TargetModules(IReadOnlyList<string>? Suffixes, string? Pattern)
{
    public static TargetModules AllLinear { get; } = new(null, null);

    /// <summary>Reads <c>"all-linear"</c>, <c>"regex:..."</c> or a list of suffixes.</summary>
    public static TargetModules From(JsonElement json)
    {
        if (json.ValueKind == JsonValueKind.Array)
            return new([.. json.EnumerateArray().Select(e => e.GetString() ?? "")], null);
        var text = json.ValueKind == JsonValueKind.String ? json.GetString()! : "all-linear";
        if (text == "all-linear")
            return AllLinear;
        return text.StartsWith("regex:", StringComparison.Ordinal) ? new(null, text["regex:".Length..]) : new([text], null);
    }
}
