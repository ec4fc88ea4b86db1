using FineTuneGrid.Contracts;

namespace FineTuneGrid.Gateway.OpenAi.Files;

/// <summary>OpenAI's <c>expires_after</c>: when a file goes by itself.</summary>
/// <param name="Anchor">Must be <c>created_at</c>.</param>
/// <param name="Seconds">An hour to 30 days.</param>
public sealed record FileLifetime(string? Anchor = null, long? Seconds = null)
{
    private const string Created = "created_at";
    private const long Least = 3600;
    private const long Most = 2_592_000;

    /// <exception cref="GridException"><c>invalid_value</c>, <c>missing_field</c></exception>
    public TimeSpan Check()
    {
        if (Anchor != Created) throw new GridException(Anchor is null ? ErrorCodes.MissingField : ErrorCodes.InvalidValue, $"expires_after.anchor must be '{Created}'.", "expires_after[anchor]");
        return Seconds is >= Least and <= Most ? TimeSpan.FromSeconds(Seconds.Value)
            : throw new GridException(Seconds is null ? ErrorCodes.MissingField : ErrorCodes.InvalidValue, $"expires_after.seconds must be between {Least} (an hour) and {Most} (30 days).", "expires_after[seconds]");
    }
}
