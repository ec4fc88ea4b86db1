using System.CommandLine;
using FineTuneGrid.Contracts.Models;

namespace FineTuneGrid.Cli.Commands;

public static class ModelCommands
{
    private static readonly string[] Wanted = [".json", ".safetensors", ".jinja", ".txt", ".md"];

    public static Command Create() => CommandExtensions.Group("model", "Base models.",
        Add(),
        AssetCommands.List("models", "Registered base models.",
            ("TYPE", m => m.Text("manifest.model_type")), ("PARAMETERS", m => m.Text("manifest.parameters")), ("CONTEXT", m => m.Text("manifest.context_length"))),
        AssetCommands.Show("models", "One base model, whole."),
        AssetCommands.Remove("models", "Remove a base model that no job needs."),
        Export());

    private static Command Add()
    {
        var name = new Argument<string>("name") { Description = "The name to register." };
        var path = new Argument<DirectoryInfo>("path") { Description = "A Hugging Face model folder." };
        return new Command("add", "Upload a model folder.").Does(async (context, ct) =>
        {
            var files = Collect(context.Get(path));
            var model = await AssetUpload.RunAsync(context, "models", context.Get(name), context.Get(AssetCommands.Org), context.Get(AssetCommands.License), files, ct);
            context.Output.Result(model, () => $"{model.Text("name")} is ready: {model.Text("manifest.model_type")}, {model.Text("manifest.parameters")} parameters");
            return 0;
        }, name, path, AssetCommands.Org, AssetCommands.License);
    }

    private static List<(string Path, string File)> Collect(DirectoryInfo folder)
    {
        if (!folder.Exists) throw new CliException($"{folder} is no folder", 2);
        var files = folder.EnumerateFiles("*", SearchOption.TopDirectoryOnly).Where(f => Wanted.Contains(f.Extension)).OrderBy(f => f.Name, StringComparer.Ordinal)
            .Select(f => (f.Name, f.FullName)).ToList();
        if (!files.Any(f => f.Name.EndsWith(".safetensors", StringComparison.Ordinal))
            && folder.EnumerateFiles().FirstOrDefault(f => Pickles.Is(f.Name)) is { } pickle)
            throw new CliException($"{pickle.Name} {Pickles.Refusal}");
        return files.Count > 0 ? files : throw new CliException($"{folder} holds no model files (config.json, *.safetensors, tokenizer.json)");
    }

    private static Command Export()
    {
        var name = new Argument<string>("name") { Description = "Name or id." };
        var directory = new Argument<DirectoryInfo>("dir") { Description = "Where to put the folder's files." };
        return new Command("export", "Download a base model's files.").Does(async (context, ct) =>
        {
            var model = await context.Client.GetAsync(AssetCommands.Url(context, "models", name), ct);
            foreach (var file in model.GetProperty("files").EnumerateArray())
            {
                var path = SafePath.Check(file.Text("path")!);
                await context.Files.DownloadAsync($"api/v1/models/{model.Text("id")}/files/{AssetUpload.EscapePath(path)}",
                    Path.Combine(context.Get(directory).FullName, path), (long)file.Number("length")!, file.Text("sha256")!, path, ct);
            }
            context.Output.Result(model, () => $"{model.Text("name")} is in {context.Get(directory)}");
            return 0;
        }, name, directory, AssetCommands.Org);
    }
}
