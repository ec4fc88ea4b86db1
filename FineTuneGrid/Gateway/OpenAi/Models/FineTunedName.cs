using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using FineTuneGrid.Contracts;

namespace FineTuneGrid.Gateway.OpenAi.Models;

/// <summary>
/// The name by which OpenAI's clients know what a job made: <c>ft:{base}:{organisation}:{suffix}:{job}</c>, for a checkpoint of it
/// followed by <c>:ckpt-step-{step}</c>. The suffix is the adapter's name, so that the name leads to the adapter; the job tells its
/// version, and is written without the kind before its id.
/// </summary>
/// <param name="JobId">The job's id in full: <c>job-...</c>.</param>
/// <param name="Step">The step of a checkpoint; null for the job's result.</param>
public sealed record FineTunedName(string Base, string Organisation, string Suffix, string JobId, int? Step = null)
{
    private const string Prefix = "ft:";
    private const string StepPrefix = "ckpt-step-";

    public AdapterRef Adapter => new(Organisation, Suffix);

    /// <param name="baseModel">The base model's name.</param>
    public static FineTunedName Of(string baseModel, AdapterRef adapter, string jobId, int? step = null) => new(baseModel, adapter.Org, adapter.Name, jobId, step);

    /// <summary>Whether the text means to be such a name, well-formed or not.</summary>
    public static bool IsMeant([NotNullWhen(true)] string? text) => text?.StartsWith(Prefix, StringComparison.Ordinal) == true;

    public static bool TryParse(string? text, [NotNullWhen(true)] out FineTunedName? name)
    {
        name = null;
        if (!IsMeant(text)) return false;
        var parts = text.Split(':');
        if (parts.Length is not (5 or 6) || !parts[1..4].All(Names.IsValid)) return false;
        var job = $"{Ids.Job}-{parts[4]}";
        if (!Ids.IsId(job, Ids.Job)) return false;
        int? step = null;
        if (parts.Length == 6)
        {
            if (!parts[5].StartsWith(StepPrefix, StringComparison.Ordinal)
                || !int.TryParse(parts[5].AsSpan(StepPrefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var number)) return false;
            step = number;
        }
        name = new FineTunedName(parts[1], parts[2], parts[3], job, step);
        return true;
    }

    public override string ToString()
    {
        var name = $"{Prefix}{Base}:{Organisation}:{Suffix}:{JobId[(Ids.Job.Length + 1)..]}";
        return Step is { } step ? string.Create(CultureInfo.InvariantCulture, $"{name}:{StepPrefix}{step}") : name;
    }
}
