using System.CommandLine;

namespace FineTuneGrid.Cli.Commands;

public static class DatasetCommands
{
    public static Command Create() => CommandExtensions.Group("dataset", "Data sets.",
        DatasetInspectCommand.Create(),
        Add(),
        AssetCommands.List("datasets", "Registered data sets.",
            ("FORMAT", d => d.Text("manifest.format")), ("ROWS", d => d.Text("manifest.rows"))),
        AssetCommands.Show("datasets", "One data set, whole."),
        AssetCommands.Remove("datasets", "Remove a data set that no job needs."));

    private static Command Add()
    {
        var name = new Argument<string>("name") { Description = "The name to register." };
        var paths = new Argument<FileInfo[]>("path") { Description = "Parquet or JSONL files, in the order of their rows.", Arity = ArgumentArity.OneOrMore };
        return new Command("add", "Upload a data set.").Does(async (context, ct) =>
        {
            var files = context.Get(paths);
            if (files.FirstOrDefault(f => !f.Exists) is { } missing) throw new CliException($"{missing} does not exist", 2);
            if (files.GroupBy(f => f.Name).FirstOrDefault(g => g.Count() > 1) is { } twice) throw new CliException($"two files are named {twice.Key}; rename one", 2);
            var dataset = await AssetUpload.RunAsync(context, "datasets", context.Get(name), context.Get(AssetCommands.Org),
                context.Get(AssetCommands.License), [.. files.Select(f => (f.Name, f.FullName))], ct);
            context.Output.Result(dataset, () => $"{dataset.Text("name")} is ready: {dataset.Text("manifest.rows")} rows, format {dataset.Text("manifest.format")}");
            return 0;
        }, name, paths, AssetCommands.Org, AssetCommands.License);
    }
}
