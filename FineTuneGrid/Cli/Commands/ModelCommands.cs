using System.CommandLine;
using FineTuneGrid.Contracts.Models;

namespace FineTuneGrid.Cli.Commands;

public static class ModelCommands
{
    internal static readonly Option<string?> HeldOut = new("--dataset") { Description = "A registered data set to measure the export on (default: a text of the program's own)." };

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
        var format = new Option<string>("--format") { Description = "safetensors: as it was added; gguf: one file for llama.cpp.", DefaultValueFactory = _ => "safetensors" };
        format.AcceptOnlyFromAmong("safetensors", "gguf");
        var dtype = new Option<string?>("--dtype") { Description = "Of the matrices as gguf: f32, f16 or bf16 (default: as they are stored)." };
        dtype.AcceptOnlyFromAmong("f32", "f16", "bf16");
        return new Command("export", "Download a base model's files, or have it written for llama.cpp.").Does(async (context, ct) =>
        {
            var model = await context.Client.GetAsync(AssetCommands.Url(context, "models", name), ct);
            if (context.Get(format) == "gguf")
            {
                var view = await new ExportDownload(context).RunAsync($"api/v1/models/{model.Text("id")}",
                    new { format = "gguf", dtype = context.Get(dtype), dataset = context.Get(HeldOut) }, context.Get(directory), ct);
                context.Output.Result(view, () => $"{model.Text("name")} is in {context.Get(directory)}: {ExportDownload.Describe(view)}");
                return 0;
            }
            if (context.Get(dtype) is not null) throw new CliException("--dtype is for --format gguf; other files are as they were added", 2);
            ExportDownload.CheckFolder(context.Get(directory), [.. model.GetProperty("files").EnumerateArray().Select(f => f.Text("path")!)]);
            foreach (var file in model.GetProperty("files").EnumerateArray())
            {
                var path = SafePath.Check(file.Text("path")!);
                await context.Files.DownloadAsync($"api/v1/models/{model.Text("id")}/files/{AssetUpload.EscapePath(path)}",
                    Path.Combine(context.Get(directory).FullName, path), (long)file.Number("length")!, file.Text("sha256")!, path, ct);
            }
            context.Output.Result(model, () => $"{model.Text("name")} is in {context.Get(directory)}");
            return 0;
        }, name, directory, format, dtype, HeldOut, AssetCommands.Org);
    }
}
