using System.Text.Json;
using System.Text.RegularExpressions;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Contracts.Models;
using FineTuneGrid.Storage;

namespace FineTuneGrid.Inspector;

/// <summary>Checks a PEFT LoRA folder: config, tensor names and shapes, and the fit to a base where one is given.</summary>
internal static partial class AdapterChecks
{
    private const string ConfigName = "adapter_config.json";
    private const string WeightsName = "adapter_model.safetensors";

    public static async Task<AdapterInspection> RunAsync(IBlobStore store, InspectAdapterRequest request)
    {
        var files = new ModelFiles(store, request.Files, ErrorCodes.InvalidAdapter);
        if (request.Files.FirstOrDefault(f => Pickles.Is(f.Path)) is { } pickle)
            throw files.Bad(pickle.Path, "is a pickle, which runs code when loaded; save the adapter as safetensors");
        var config = await files.ReadObjectAsync(ConfigName) ?? throw files.Bad(ConfigName, "is missing; upload the folder as PEFT saved it");
        if (!(config.TryGetProperty("peft_type", out var type) && type.ValueKind == JsonValueKind.String && type.ValueEquals("LORA")))
            throw files.Bad(ConfigName, "must have peft_type LORA");
        var rank = (int)(Number(config, "r") ?? throw files.Bad(ConfigName, "must have r, the rank"));
        if (rank < 1)
            throw files.Bad(ConfigName, $"has the rank {rank}; r must be at least 1");
        var header = await files.HeaderAsync(WeightsName, SafetensorsProfile.Adapter);
        var modules = Modules(header, files);
        if (request.Base is { } manifest)
            CheckBase(modules, manifest, files);
        if (config.TryGetProperty("task_type", out var task) && task.ValueKind == JsonValueKind.String && task.ValueEquals("SEQ_CLS"))
            await CheckClassesAsync(header, files);
        var rslora = config.TryGetProperty("use_rslora", out var flag) && flag.ValueKind == JsonValueKind.True;
        var name = config.TryGetProperty("base_model_name_or_path", out var given) && given.ValueKind == JsonValueKind.String ? given.GetString() : null;
        return new AdapterInspection(rank, Number(config, "lora_alpha") ?? 8, rslora, name, Targets(config, modules), header.Tensors.Sum(t => t.ElementCount), request.Files);
    }

    /// <summary>The adapted modules with (in, rank, out).</summary>
    private static Dictionary<string, (long In, long Rank, long Out)> Modules(SafetensorsHeader header, ModelFiles files)
    {
        Dictionary<string, SafetensorsTensor> a = new(StringComparer.Ordinal);
        Dictionary<string, SafetensorsTensor> b = new(StringComparer.Ordinal);
        foreach (var tensor in header.Tensors)
        {
            var match = LoraName().Match(tensor.Name);
            if (match.Success && tensor.Shape.Count == 2)
                (match.Groups["half"].Value == "A" ? a : b)[match.Groups["module"].Value] = tensor;
        }
        if (a.Count == 0)
            throw files.Bad(WeightsName, "has no tensors named base_model.model.....lora_A.weight");
        Dictionary<string, (long, long, long)> modules = new(StringComparer.Ordinal);
        foreach (var (module, down) in a)
        {
            if (!b.TryGetValue(module, out var up))
                throw files.Bad(WeightsName, $"has lora_A but no lora_B of '{module}'");
            if (down.Shape[0] != up.Shape[1])
                throw files.Bad(WeightsName, $"has lora_A of rank {down.Shape[0]} and lora_B of rank {up.Shape[1]} at '{module}'");
            modules[module] = (down.Shape[1], down.Shape[0], up.Shape[0]);
        }
        var lone = b.Keys.FirstOrDefault(module => !a.ContainsKey(module));
        return lone is null ? modules : throw files.Bad(WeightsName, $"has lora_B but no lora_A of '{lone}'");
    }

    private static void CheckBase(Dictionary<string, (long In, long Rank, long Out)> modules, ModelManifest manifest, ModelFiles files)
    {
        var known = manifest.LinearModules.ToDictionary(m => m.Path, StringComparer.Ordinal);
        foreach (var (module, shape) in modules.OrderBy(m => m.Key, StringComparer.Ordinal))
        {
            if (!known.TryGetValue(module, out var layer))
                throw files.Bad(WeightsName, $"adapts '{module}', which the base model does not have; it was trained on another base");
            if (shape.In != layer.InFeatures || shape.Out != layer.OutFeatures)
                throw files.Bad(WeightsName, $"adapts '{module}' as {shape.In} to {shape.Out}; the base model's layer is {layer.InFeatures} to {layer.OutFeatures}");
        }
    }

    /// <summary>PEFT's files do not say what the classes are called.</summary>
    private static async Task CheckClassesAsync(SafetensorsHeader header, ModelFiles files)
    {
        var head = header.Tensors.FirstOrDefault(t => Head().IsMatch(t.Name)) ?? throw files.Bad(WeightsName, "is a classifier's (task_type SEQ_CLS), but has no head: base_model.model.classifier.weight or base_model.model.score.weight");
        var json = await files.ReadObjectAsync(ClassNames.FileName)
            ?? throw files.Bad(ClassNames.FileName, "is missing: a classifier's adapter needs {\"id2label\": {\"0\": \"NAME\", ...}} beside PEFT's files");
        if (ClassNames.Read(json) is not { } names || names.Count != head.Shape[0])
            throw files.Bad(ClassNames.FileName, $"must have id2label with the ids 0 to {head.Shape[0] - 1} and different names");
    }

    private static List<string> Targets(JsonElement config, Dictionary<string, (long In, long Rank, long Out)> modules)
    {
        if (config.TryGetProperty("target_modules", out var targets) && targets.ValueKind == JsonValueKind.Array)
            return [.. targets.EnumerateArray().Where(t => t.ValueKind == JsonValueKind.String).Select(t => t.GetString()!).Order(StringComparer.Ordinal)];
        return [.. modules.Keys.Select(m => m[(m.LastIndexOf('.') + 1)..]).Distinct().Order(StringComparer.Ordinal)];
    }

    private static double? Number(JsonElement root, string name) =>
        root.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number ? value.GetDouble() : null;

    [GeneratedRegex(@"^(?:base_model\.model\.)?(?<module>.+)\.lora_(?<half>[AB])(?:\.default)?\.weight$", RegexOptions.CultureInvariant)]
    private static partial Regex LoraName();

    [GeneratedRegex(@"^base_model\.model\.(classifier|score)\.weight$", RegexOptions.CultureInvariant)]
    private static partial Regex Head();
}
