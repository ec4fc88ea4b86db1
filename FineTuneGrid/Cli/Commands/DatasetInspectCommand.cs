using System.CommandLine;
using System.Globalization;
using System.Text;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Storage;

namespace FineTuneGrid.Cli.Commands;

/// <summary>
/// <c>ftg dataset inspect</c>: what a grid would say of local data files, without one. The files are read by the inspector's own
/// process, under the limits that it has in a grid: a hostile file costs a line, not this program.
/// </summary>
public static class DatasetInspectCommand
{
    private const int ShownRows = 10;
    private const int ShownSample = 2000;

    public static Command Create()
    {
        var paths = new Argument<string[]>("path") { Description = "Parquet or JSONL files, or folders of them, in the order of their rows.", Arity = ArgumentArity.OneOrMore };
        var format = new Option<string>("--format") { Description = "Check the rows against this format instead of the one that the columns show.", DefaultValueFactory = _ => "auto" };
        return new Command("inspect", "Check local data files; needs no grid.").Does(async (context, ct) =>
        {
            var preview = await RunAsync(Files(context.Get(paths)), context.Get(format)!, ct);
            context.Output.Result(preview, () => Text(preview));
            if (preview.BadRows > 0)
            {
                var first = preview.Findings[0];
                throw new CliException($"{preview.BadRows} of {preview.Rows} rows cannot be used; the first: {first.Where}, row {first.Row}: {first.Message}");
            }
            return preview.Format is null && preview.Note is { } note ? throw new CliException(note) : 0;
        }, paths, format);
    }

    private static async Task<DatasetPreview> RunAsync(IReadOnlyList<PreviewFile> files, string format, CancellationToken ct)
    {
        try
        {
            var launcher = new InspectorLauncher(ChildProgram.Find("FineTuneGrid.Inspector", "FTG_INSPECTOR"));
            var reply = await launcher.RunAsync(new InspectorRequest(new BlobAccess(), PreviewDataset: new PreviewDatasetRequest(files, format)), ct);
            return reply.Preview ?? throw new CliException(reply.Error?.Message ?? "the inspector answered with something else than a preview");
        }
        catch (GridException e)
        {
            throw new CliException(e.Message, inner: e);
        }
    }

    /// <summary>Each file under the name the user gave it; a folder stands for its files in the order of their names.</summary>
    private static List<PreviewFile> Files(IEnumerable<string> paths)
    {
        var files = new List<PreviewFile>();
        foreach (var path in paths)
        {
            if (!File.Exists(path) && !Directory.Exists(path)) throw new CliException($"{path} does not exist", 2);
            files.AddRange((Directory.Exists(path) ? Directory.EnumerateFiles(path).Order(StringComparer.Ordinal).ToArray() : [path])
                .Select(f => new PreviewFile(f, Path.GetFullPath(f), new FileInfo(f).Length)));
        }
        // What may not be read is said by this program, in its own words.
        foreach (var file in files) File.OpenRead(file.Location).Dispose();
        return files.GroupBy(f => f.Location).FirstOrDefault(g => g.Count() > 1) is { } twice ? throw new CliException($"{twice.First().Path} is named twice", 2) : files;
    }

    private static string Text(DatasetPreview preview)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"format   {preview.Format ?? "none that rows can be checked against"}\n");
        text.Append(CultureInfo.InvariantCulture, $"rows     {preview.Rows}{(preview.BadRows > 0 ? $", {preview.BadRows} of them bad" : "")}\n");
        foreach (var file in preview.Shards.GroupBy(s => s.Path))
        {
            var noun = file.Key.EndsWith(".parquet", StringComparison.OrdinalIgnoreCase) ? "row group" : "shard";
            text.Append(CultureInfo.InvariantCulture, $"file     {file.Key}: {file.Sum(s => s.Rows)} rows in {file.Count()} {noun}{(file.Count() == 1 ? "" : "s")} of at most {file.Max(s => s.Rows)}\n");
        }
        foreach (var column in preview.Columns) text.Append(CultureInfo.InvariantCulture, $"column   {column.Name}: {column.Type}\n");
        foreach (var finding in preview.Findings.Take(ShownRows)) text.Append(CultureInfo.InvariantCulture, $"bad row  {finding.Where}, row {finding.Row}: {finding.Message}\n");
        if (preview.BadRows > ShownRows) text.Append(CultureInfo.InvariantCulture, $"bad row  and {preview.BadRows - ShownRows} more\n");
        if (preview.Sample?.GetRawText() is { } sample) text.Append(CultureInfo.InvariantCulture, $"sample   {(sample.Length <= ShownSample ? sample : sample[..ShownSample] + "...")}\n");
        return text.ToString().TrimEnd('\n');
    }
}
