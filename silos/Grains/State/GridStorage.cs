namespace FineTuneGrid.Grains;

/// <summary>The grain storage that all grains use.</summary>
public static class GridStorage
{
    public const string Name = "blobs";
}
