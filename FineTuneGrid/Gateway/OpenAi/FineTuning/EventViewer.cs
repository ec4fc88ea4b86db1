using System.Text.Json;
using System.Text.Json.Nodes;
using FineTuneGrid.Contracts.Jobs;

namespace FineTuneGrid.Gateway.OpenAi.FineTuning;

/// <summary>An entry of a job's log as OpenAI's clients see it.</summary>
internal static class EventViewer
{
    public static FineTuningEvent Show(string jobId, JobEvent entry)
    {
        var metrics = entry.Type == EventTypes.Metrics;
        return new FineTuningEvent(
            FineTuningIds.OfEvent(jobId, entry.Seq), "fine_tuning.job.event", entry.Time.ToUnixTimeSeconds(), LevelOf(entry.Level), entry.Message,
            metrics ? "metrics" : "message", metrics ? Metrics(entry.Data) : entry.Data is { } data ? JsonSerializer.SerializeToNode(data) : new JsonObject());
    }

    /// <summary>The newest step of the entry, where clients look for its numbers, and all of them where it has several.</summary>
    private static JsonNode? Metrics(JsonElement? data)
    {
        if (data is not { } given || given.GetProperty("steps") is not { ValueKind: JsonValueKind.Array } steps || steps.GetArrayLength() == 0) return null;
        var last = (JsonObject)JsonSerializer.SerializeToNode(steps[steps.GetArrayLength() - 1])!;
        if (steps.GetArrayLength() > 1) last["steps"] = JsonSerializer.SerializeToNode(steps);
        return last;
    }

    private static string LevelOf(string level) => level switch
    {
        "warning" => "warn",
        "error" => "error",
        _ => "info",
    };
}
