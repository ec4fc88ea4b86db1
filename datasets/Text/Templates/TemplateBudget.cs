namespace FineTuneGrid.Text.Templates;

/// <summary>What one rendering may use. A published template needs thousands of steps for a long conversation.</summary>
internal sealed class TemplateBudget(long maximumSteps = TemplateBudget.MaximumSteps)
{
    /// <summary>The longest text that a template may build, in UTF-16 units.</summary>
    public const int MaximumText = 16 << 20;

    public const long MaximumSteps = 5_000_000;
    private const long MaximumUnits = 256L << 20;

    private long _steps;
    private long _units;

    public void Step()
    {
        if (++_steps > maximumSteps)
            throw new TemplateException($"the template took more than {maximumSteps} steps");
    }

    /// <summary>Accounts for a text or list that is about to be built.</summary>
    public void Build(long units)
    {
        _units += units;
        if (units > MaximumText || _units > MaximumUnits)
            throw new TemplateException($"the template builds more text than {MaximumText} characters at once or {MaximumUnits} in all");
    }
}
