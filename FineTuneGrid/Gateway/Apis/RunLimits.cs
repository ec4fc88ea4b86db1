using FineTuneGrid.Contracts;

namespace FineTuneGrid.Gateway.Apis;

/// <summary>What a request for completions may ask for, the native one and OpenAI's.</summary>
internal static class RunLimits
{
    public const int MaxPrompts = 256;
    public const int MaxPromptCharacters = 100_000;
    public const int MaxTokens = 8192;
    public const int MaxLogprobs = 20;

    private const int MaxStops = 4;
    private const int MaxStopCharacters = 256;

    public static void CheckSampling(double temperature, double topP, int topK)
    {
        Check(temperature is >= 0 and <= 10, "temperature must be between 0 and 10.", "temperature");
        Check(topP is > 0 and <= 1, "top_p must be above 0 and at most 1.", "top_p");
        Check(topK >= -1, "top_k must be at least 1, or 0 or -1 for all tokens.", "top_k");
    }

    public static IReadOnlyList<string>? Stops(IReadOnlyList<string>? stops)
    {
        Check(stops is null or { Count: <= MaxStops }, $"stop may hold at most {MaxStops} texts.", "stop");
        Check(stops is null || stops.All(s => s is { Length: > 0 and <= MaxStopCharacters }), $"A text of stop must have 1 to {MaxStopCharacters} characters.", "stop");
        return stops is { Count: > 0 } ? stops : null;
    }

    public static void Check(bool holds, string message, string field)
    {
        if (!holds) throw new GridException(ErrorCodes.InvalidValue, message, field);
    }
}
