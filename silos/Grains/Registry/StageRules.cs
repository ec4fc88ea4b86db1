using System.Text.Json;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Adapters;
using FineTuneGrid.Contracts.Jobs;
using FineTuneGrid.Grains.Jobs;

namespace FineTuneGrid.Grains.Registry;

/// <summary>The stages of an adapter's versions, as pure functions.</summary>
internal static class StageRules
{
    /// <summary>So many changes of stages are kept.</summary>
    public const int MaxHistory = 1000;

    /// <exception cref="GridException"><c>not_found</c>, <c>invalid_value</c> or <c>gate_failed</c>.</exception>
    public static AdapterState Promote(AdapterState adapter, StagePromotion promotion, DateTimeOffset now)
    {
        var stage = AdapterStages.Check(promotion.Stage, "stage");
        var version = Find(adapter, promotion.Version).View;
        if (version.Stage == stage && Holder(adapter, stage)?.Version == version.Version)
            return adapter;
        if (stage == AdapterStages.Champion)
        {
            RequireGates(adapter, version);
            if (Holder(adapter, stage) is { } before)
                adapter = Move(adapter, before, AdapterStages.Archived, promotion.By, now);
        }
        return Move(adapter, version, stage, promotion.By, now);
    }

    public static AdapterEntry Find(AdapterState adapter, string version) => adapter.Versions.FirstOrDefault(v => v.View.Version == version)
        ?? throw new GridException(ErrorCodes.NotFound, $"{adapter.Org}/{adapter.Name} has no version '{version}'.", "version");

    private static AdapterVersionView? Holder(AdapterState adapter, string stage) => AdapterStages.Holder(adapter.Versions.Select(v => v.View), stage);

    private static AdapterState Move(AdapterState adapter, AdapterVersionView version, string stage, string by, DateTimeOffset now)
    {
        var change = new StageChange((adapter.StageHistory.LastOrDefault()?.Seq ?? 0) + 1, version.Version, version.Stage, stage, now, by);
        return adapter with
        {
            Versions = [.. adapter.Versions.Select(v => v.View.Version == version.Version ? v with { View = v.View with { Stage = stage, StageSeq = change.Seq } } : v)],
            StageHistory = [.. adapter.StageHistory.Append(change).TakeLast(MaxHistory)],
        };
    }

    /// <summary>What was trained elsewhere has no job, and so no gates.</summary>
    private static void RequireGates(AdapterState adapter, AdapterVersionView version)
    {
        if (version.Lineage.Spec is not { ValueKind: JsonValueKind.Object } spec || !spec.TryGetProperty("evaluation", out var evaluation))
            return;
        var gates = evaluation.Deserialize<EvaluationSpec>(GridJson.Options)?.Gates ?? [];
        if (Gates.Check(gates, version.Metrics) is { } failed)
            throw new GridException(failed.Code, $"{adapter.Org}/{adapter.Name}@{version.Version}: {failed.Message}", failed.Field);
    }
}
