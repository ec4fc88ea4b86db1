using System.Text.Json.Serialization;

namespace FineTuneGrid.Contracts.Jobs;

/// <summary>What one server will do with the adapter that a job makes, said before the job trains.</summary>
/// <param name="Server">One of <see cref="ServerNames.All"/>.</param>
/// <param name="Loads">It loads the adapter and computes what was trained; null where that is not known.</param>
/// <param name="Why">What stands against it and how to change that; null where it loads.</param>
/// <param name="Needs">What the server is started with, or the file is converted with; null where it does not load.</param>
public sealed record ServeFinding(
    string Server,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] bool? Loads,
    string? Why = null,
    string? Needs = null);

/// <summary>The servers that <c>strict_serving</c> may name.</summary>
public static class ServerNames
{
    public const string Vllm = "vllm";
    public const string Tgi = "tgi";
    public const string LlamaCpp = "llama.cpp";

    public static IReadOnlyList<string> All { get; } = [Vllm, Tgi, LlamaCpp];
}
