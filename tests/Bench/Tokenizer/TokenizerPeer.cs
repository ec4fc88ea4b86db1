using System.Diagnostics;
using System.Text.Json;

namespace FineTuneGrid.Bench.Tokenizer;

/// <summary>Processor and wall time of one pass over all documents.</summary>
internal readonly record struct Pass(double CpuSeconds, double Seconds);

/// <summary>Hugging Face's Rust library, in a Node process that answers one pass at a time.</summary>
internal sealed class TokenizerPeer : IDisposable
{
    private readonly Process _process;

    private TokenizerPeer(Process process) => _process = process;

    /// <param name="packages">A folder with the npm package <c>tokenizers</c>.</param>
    /// <param name="documents">A JSON list of texts.</param>
    public static async Task<TokenizerPeer> StartAsync(string packages, string tokenizer, string documents)
    {
        var start = new ProcessStartInfo("node", [Path.Combine(AppContext.BaseDirectory, "Tokenizer", "peer.mjs"), packages, tokenizer, documents])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        };
        // One thread does the work on either side.
        start.Environment["TOKENIZERS_PARALLELISM"] = "false";
        start.Environment["RAYON_NUM_THREADS"] = "1";
        var peer = new TokenizerPeer(Process.Start(start) ?? throw new InvalidOperationException("node did not start"));
        await peer.ReadAsync();
        return peer;
    }

    public async Task<Pass> PassAsync() => Timed(await AskAsync("go"));

    /// <summary>The ids of every document.</summary>
    public async Task<int[][]> IdsAsync(string folder)
    {
        var file = Path.Combine(folder, "ids.json");
        await AskAsync("ids " + file);
        return JsonSerializer.Deserialize<int[][]>(await File.ReadAllBytesAsync(file))!;
    }

    public void Dispose()
    {
        _process.StandardInput.Close();
        _process.WaitForExit();
        _process.Dispose();
    }

    private static Pass Timed(JsonElement answer) => new(answer.GetProperty("cpu_seconds").GetDouble(), answer.GetProperty("seconds").GetDouble());

    private async Task<JsonElement> AskAsync(string line)
    {
        await _process.StandardInput.WriteLineAsync(line);
        await _process.StandardInput.FlushAsync();
        return await ReadAsync();
    }

    private async Task<JsonElement> ReadAsync()
    {
        var line = await _process.StandardOutput.ReadLineAsync() ?? throw new InvalidOperationException("the peer ended; its own output says why");
        return JsonDocument.Parse(line).RootElement;
    }
}
