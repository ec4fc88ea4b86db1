using System.Text.Json;
using FineTuneGrid.Contracts;
using FineTuneGrid.Gateway.Apis;

namespace FineTuneGrid.Gateway.OpenAi.Inference;

/// <summary>Whether an answer is streamed, and whether its tokens are counted at the end.</summary>
internal sealed record StreamWish(bool On, bool Usage);

/// <summary>What completions and conversations have in common of their parameters.</summary>
internal static class Sampling
{
    private const int MostChoices = 128;

    public static int Choices(int? n)
    {
        RunLimits.Check(n is null or (>= 1 and <= MostChoices), $"n must be between 1 and {MostChoices}.", "n");
        return n ?? 1;
    }

    /// <summary>Without a seed of the caller's every request draws anew.</summary>
    public static long Seed(long? seed) => seed ?? Random.Shared.NextInt64();

    public static StreamWish Stream(bool? stream, JsonElement? options)
    {
        var on = stream == true;
        if (options is not { } given || given.ValueKind == JsonValueKind.Null) return new StreamWish(on, false);
        RunLimits.Check(on, "stream_options is for streams; leave it out, or set stream.", "stream_options");
        RunLimits.Check(given.ValueKind == JsonValueKind.Object, "stream_options must be an object.", "stream_options");
        var usage = false;
        foreach (var option in given.EnumerateObject())
        {
            RunLimits.Check(option.Name is "include_usage" or "include_obfuscation", $"stream_options.{option.Name} is not known; include_usage is.", $"stream_options.{option.Name}");
            RunLimits.Check(option.Value.ValueKind is JsonValueKind.True or JsonValueKind.False, $"stream_options.{option.Name} must be true or false.", $"stream_options.{option.Name}");
            usage |= option.Name == "include_usage" && option.Value.GetBoolean();
        }
        return new StreamWish(on, usage);
    }

    /// <summary>What would change the answer and is not done.</summary>
    public static void RefusePenalties(double? presence, double? frequency, JsonElement? bias)
    {
        RunLimits.Check(presence is null or 0, "presence_penalty must be 0.", "presence_penalty");
        RunLimits.Check(frequency is null or 0, "frequency_penalty must be 0.", "frequency_penalty");
        RunLimits.Check(IsEmpty(bias), "logit_bias must be empty.", "logit_bias");
    }

    /// <summary>Absent, null, or an object or list of nothing.</summary>
    public static bool IsEmpty(JsonElement? value) => value is not { } given || given.ValueKind switch
    {
        JsonValueKind.Null => true,
        JsonValueKind.Object => !given.EnumerateObject().Any(),
        JsonValueKind.Array => given.GetArrayLength() == 0,
        _ => false,
    };

    /// <summary>A string's text. JSON can spell strings that are none: half of a surrogate pair.</summary>
    public static string Text(JsonElement text, string field)
    {
        try
        {
            return text.GetString()!;
        }
        catch (InvalidOperationException e)
        {
            throw new GridException(ErrorCodes.InvalidValue, $"{field} holds half of a surrogate pair, which is no text.", field, e);
        }
    }
}
