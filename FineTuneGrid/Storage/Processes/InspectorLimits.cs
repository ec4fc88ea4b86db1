using FineTuneGrid.Contracts.Inspection;

namespace FineTuneGrid.Storage;

/// <summary>What one inspector process may use.</summary>
/// <param name="HeapBytes">Hard limit of its managed heap; the process adds some 60 MB of its own.</param>
/// <param name="Time">Wall clock, from start to exit.</param>
/// <param name="OutputBytes">The longest reply that is believed.</param>
public sealed record InspectorLimits(long HeapBytes, TimeSpan Time, int OutputBytes)
{
    private const long Floor = 160L << 20;
    private const long Ceiling = 6L << 30;

    /// <summary>
    /// Limits that follow the size of the input, so that a small hostile file can waste little: room for parsed rows and vocabulary,
    /// and time at 1 MB a second.
    /// </summary>
    public static InspectorLimits For(InspectorRequest request)
    {
        var data = Bytes(request.InspectDataset?.Files) + Bytes(request.TokenizeDataset?.Dataset.Files) + (request.PreviewDataset?.Files.Sum(f => f.Length) ?? 0);
        // Weights are not read, only their headers.
        var model = Bytes(Documents(request.InspectModel?.Files)) + Bytes(Documents(request.TokenizeDataset?.Model.Files)) + Bytes(Documents(request.InspectAdapter?.Files))
            + Bytes(Documents(request.TokenizeText?.Model.Files)) + Bytes(Documents(request.Detokenize?.Model.Files));
        var heap = Math.Clamp(Floor + (12 * data) + (30 * model), Floor, Ceiling);
        return new InspectorLimits(heap, TimeSpan.FromSeconds(30 + ((data + model) >> 20)), 64 << 20);
    }

    private static IEnumerable<SourceFile>? Documents(IEnumerable<SourceFile>? files) =>
        files?.Where(f => !f.Path.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase));

    private static long Bytes(IEnumerable<SourceFile>? files) => files?.Sum(f => f.Length) ?? 0;
}
