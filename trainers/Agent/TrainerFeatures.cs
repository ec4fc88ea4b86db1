using System.Diagnostics;
using System.Globalization;
using Microsoft.Extensions.Logging;

namespace FineTuneGrid.Agent;

/// <summary>
/// What this machine's trainer program can do. The program itself is asked, since only it knows whether its library and the
/// machine's libtorch go together; its answer is remembered for as long as both files are the same.
/// </summary>
internal static partial class TrainerFeatures
{
    private const string Prefix = "features:";
    private const string Library = "libGridNative.so";
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    private sealed record Stored(string Program, IReadOnlyList<string> Features);

    public static async Task<IReadOnlyList<string>> FindAsync(AgentOptions options, TimeProvider time, ILogger logger, CancellationToken cancellation)
    {
        try
        {
            var command = options.TrainerCommand ?? TrainerCommand.Default();
            if (Describe(command) is not { } program) return [];
            if (AtomicFile.TryRead<Stored>(options.FeaturesFile) is { } known && known.Program == program) return known.Features;
            var features = Parse(await AskAsync(command, options, time, cancellation));
            AtomicFile.Write(options.FeaturesFile, new Stored(program, features));
            return features;
        }
        catch (Exception e) when (!cancellation.IsCancellationRequested)
        {
            LogUnknown(logger, e);
            return [];
        }
    }

    /// <summary>Features of the line <c>features: A B</c>; none where the program is too old to say.</summary>
    internal static string[] Parse(string output)
    {
        var line = output.Split('\n').LastOrDefault(l => l.StartsWith(Prefix, StringComparison.Ordinal));
        return line is null ? [] : line[Prefix.Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
    }

    /// <summary>Names the program, its library and its libtorch; null where there is no library beside the program.</summary>
    private static string? Describe(IReadOnlyList<string> command)
    {
        var program = new FileInfo(command[^1]);
        var library = new FileInfo(Path.Combine(program.DirectoryName ?? "", Library));
        return library.Exists ? $"{Stamp(program)} {Stamp(library)} {Environment.GetEnvironmentVariable("GRID_LIBTORCH")}" : null;
    }

    private static string Stamp(FileInfo file) =>
        string.Create(CultureInfo.InvariantCulture, $"{file.FullName} {(file.Exists ? file.Length : 0)} {file.LastWriteTimeUtc.Ticks}");

    private static async Task<string> AskAsync(IReadOnlyList<string> command, AgentOptions options, TimeProvider time, CancellationToken cancellation)
    {
        var output = Path.Combine(options.Directory, "features.log");
        File.Delete(output);
        using var process = Process.Start(TrainerCommand.StartInfo(command, ["features"], output, threads: 1, options.Device))
            ?? throw new InvalidOperationException("the operating system started no process");
        try
        {
            await process.WaitForExitAsync(cancellation).WaitAsync(Limit, time, cancellation);
        }
        catch
        {
            process.Kill();
            throw;
        }
        return File.Exists(output) ? await File.ReadAllTextAsync(output, cancellation) : "";
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "What the trainer program can do could not be found out; the node offers nothing beyond what all can")]
    private static partial void LogUnknown(ILogger logger, Exception exception);
}
