using System.Text.Json;

namespace FineTuneGrid.Bench;

/// <summary>What a bench says: results as JSON lines on the output, how far it is on the error stream.</summary>
internal static class BenchOutput
{
    private static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    private static TextWriter _out = Console.Out;

    /// <summary>What is measured may write its log to the console: that is not the bench's output.</summary>
    public static void Quiet()
    {
        _out = Console.Out;
        Console.SetOut(TextWriter.Null);
    }

    /// <param name="result">An object of plain values; its first property names the bench.</param>
    public static void Line(object result) => _out.WriteLine(JsonSerializer.Serialize(result, result.GetType(), Json));

    public static void Progress(string text) => Console.Error.WriteLine(text);
}
