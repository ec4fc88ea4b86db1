namespace FineTuneGrid.Contracts.Inspection;

/// <summary>Names of row formats that decide more than how rows are read.</summary>
public static class DataFormats
{
    /// <summary>Pairs of answers: for preference optimisation, and for nothing else.</summary>
    public const string Preference = "preference";

    /// <summary>Texts with classes: for classification, and for nothing else.</summary>
    public const string Classification = "classification";
}
