using FineTuneGrid.TrainerSupport.Links;

namespace FineTuneGrid.Trainer.Tests.Gangs;

/// <summary>A test over a slow link between two network namespaces; skipped, with the reason, where the machine allows none.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class LinkFactAttribute : FactAttribute
{
    private static readonly Lazy<string?> Missing = new(SlowLink.Missing);

    public LinkFactAttribute()
    {
        if (Missing.Value is { } why) Skip = $"no slow link can be made here: {why}";
    }
}
