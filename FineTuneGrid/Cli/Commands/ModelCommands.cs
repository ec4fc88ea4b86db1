using System.CommandLine;
using System.Text.Json;
using FineTuneGrid.Cli.Hub;
using FineTuneGrid.Client;
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
        var name = new Argument<string>("name") { Description = "The name to register; or hub:org/name[@revision] alone, whose own name is then taken." };
        var path = new Argument<string?>("path") { Description = "A Hugging Face model folder, or hub:org/name[@revision] to bring it from a Hub.", Arity = ArgumentArity.ZeroOrOne };
        var endpoint = new Option<string?>("--endpoint") { Description = $"The Hub (default: HF_ENDPOINT, else {HubEgress.DefaultEndpoint}). HF_TOKEN is the key there." };
        return new Command("add", "Register a base model from a folder or from a Hub.").Does(async (context, ct) =>
        {
            var (first, second) = (context.Get(name), context.Parsed.GetValue(path));
            if (second is null && !HubReference.IsOne(first)) throw new CliException("give a name and a folder, or hub:org/name", 2);
            var model = HubReference.IsOne(second ?? first)
                ? await AddFromHubAsync(context, second is null ? null : first, HubReference.Parse(second ?? first), HubEgress.FromEnvironment(context.Get(endpoint)), ct)
                : await UploadAsync(context, first, Collect(new DirectoryInfo(second!)), ct);
            context.Output.Result(model, () => $"{model.Text("name")} is ready: {model.Text("manifest.model_type")}, {model.Text("manifest.parameters")} parameters");
            return 0;
        }, name, path, endpoint, AssetCommands.Org, AssetCommands.License);
    }

    private static async Task<JsonElement> AddFromHubAsync(CommandContext context, string? name, HubReference reference, HubEgress egress, CancellationToken ct)
    {
        using var source = new HubSource(egress, Environment.GetEnvironmentVariable("HF_TOKEN") is { Length: > 0 } token ? token : null);
        var (folder, files) = await new HubPull(source, context.Output, egress.Endpoint.AbsoluteUri).RunAsync(reference, names => Choose(names, reference.ToString()), ct);
        var model = await UploadAsync(context, name ?? reference.DefaultName, files, ct);
        Directory.Delete(folder, recursive: true);
        return model;
    }

    private static Task<JsonElement> UploadAsync(CommandContext context, string name, IReadOnlyList<(string Path, string File)> files, CancellationToken ct) =>
        AssetUpload.RunAsync(context, "models", name, context.Get(AssetCommands.Org), context.Get(AssetCommands.License), files, ct);

    private static List<(string Path, string File)> Collect(DirectoryInfo folder)
    {
        if (!folder.Exists) throw new CliException($"{folder} is no folder", 2);
        return [.. Choose([.. folder.EnumerateFiles("*", SearchOption.TopDirectoryOnly).Select(f => f.Name)], folder.ToString()).Select(n => (n, Path.Combine(folder.FullName, n)))];
    }

    /// <summary>The files of a model among those of a folder.</summary>
    private static List<string> Choose(IReadOnlyList<string> names, string place)
    {
        var files = names.Where(n => !n.Contains('/') && Wanted.Contains(Path.GetExtension(n))).Order(StringComparer.Ordinal).ToList();
        if (!files.Any(n => n.EndsWith(".safetensors", StringComparison.Ordinal)) && names.FirstOrDefault(Pickles.Is) is { } pickle)
            throw new CliException($"{pickle} {Pickles.Refusal}");
        return files.Count > 0 ? files : throw new CliException($"{place} holds no model files (config.json, *.safetensors, tokenizer.json)");
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
                await context.Files.DownloadAsync($"api/v1/models/{model.Text("id")}/files/{SafePath.Escape(path)}",
                    Path.Combine(context.Get(directory).FullName, path), (long)file.Number("length")!, file.Text("sha256")!, path, ct);
            }
            context.Output.Result(model, () => $"{model.Text("name")} is in {context.Get(directory)}");
            return 0;
        }, name, directory, format, dtype, HeldOut, AssetCommands.Org);
    }
}
