using System.Globalization;
using System.Text;
using FineTuneGrid.Contracts.Adapters;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Inspection;

namespace FineTuneGrid.Grains.Registry;

/// <summary>The README.md of a registered version, in the form that model hubs show.</summary>
internal static class ModelCard
{
    public static byte[] Write(AdapterState adapter, string version, AdapterPublication publication, int? rank)
    {
        var (lineage, metrics) = (publication.Lineage, publication.Metrics);
        var full = lineage.Kind == "full";
        var text = new StringBuilder();
        text.Append("---\n");
        if (lineage.BaseModel is { } baseModel)
            text.Append(CultureInfo.InvariantCulture, $"base_model: {Quote(baseModel)}\n");
        text.Append(CultureInfo.InvariantCulture, $"library_name: {(full ? "transformers" : "peft")}\n");
        if (lineage.BaseLicense is { } license)
            text.Append(CultureInfo.InvariantCulture, $"license: {Quote(license)}\n");
        if (lineage.Dataset is { } dataset)
            text.Append(CultureInfo.InvariantCulture, $"datasets:\n- {Quote(dataset)}\n");
        text.Append(CultureInfo.InvariantCulture, $"tags:\n- finetunegrid\n- {(full ? "full" : "lora")}\n---\n\n");
        text.Append(CultureInfo.InvariantCulture, $"# {adapter.Org}/{adapter.Name}, version {version}\n\n");
        text.Append(Origin(lineage)).Append("\n\n");
        AppendTable(text, lineage, metrics, rank);
        if (publication.Files.Any(f => f.Path == ClassNames.FileName))
            AppendClassifier(text, adapter);
        else
            AppendServing(text, adapter, full, rank);
        return Encoding.UTF8.GetBytes(text.ToString());
    }

    private static string Origin(AdapterLineage lineage) => lineage.Kind switch
    {
        "full" => $"A model with all parameters trained by job {lineage.JobId}.",
        "imported" => "An adapter that was trained elsewhere and imported.",
        _ => $"A LoRA adapter for {lineage.BaseModel}, trained by job {lineage.JobId}.",
    };

    private static void AppendTable(StringBuilder text, AdapterLineage lineage, AdapterMetrics metrics, int? rank)
    {
        text.Append("| | |\n|---|---|\n");
        Row(text, "Base model", lineage.BaseModel);
        Row(text, "Base digest", lineage.BaseDigest);
        Row(text, "Base license", lineage.BaseLicense);
        Row(text, "Rank", rank?.ToString(CultureInfo.InvariantCulture));
        Row(text, "Data set", lineage.Dataset);
        Row(text, "Data set digest", lineage.DatasetDigest);
        Row(text, "Data set license", lineage.DatasetLicense);
        Row(text, "Continued from", lineage.ParentAdapter);
        Row(text, "Steps", metrics.Steps?.ToString(CultureInfo.InvariantCulture));
        Row(text, "Tokens", metrics.TokensSeen?.ToString(CultureInfo.InvariantCulture));
        Row(text, "Training loss", metrics.TrainLoss?.ToString("0.0000", CultureInfo.InvariantCulture));
        Row(text, "Validation loss", metrics.ValidLoss?.ToString("0.0000", CultureInfo.InvariantCulture));
        Row(text, "Validation accuracy", metrics.Valid?.Accuracy.ToString("0.0000", CultureInfo.InvariantCulture));
        Row(text, "Validation macro F1", metrics.Valid?.MacroF1.ToString("0.0000", CultureInfo.InvariantCulture));
        Row(text, "Build", lineage.Build);
        Row(text, "Hardware", lineage.Hardware);
        text.Append('\n');
    }

    private static void AppendServing(StringBuilder text, AdapterState adapter, bool full, int? rank)
    {
        text.Append("## Serving\n\n```\n");
        if (full)
            text.Append(CultureInfo.InvariantCulture, $"vllm serve ./{adapter.Name}\n");
        else
            // vLLM takes ranks of these sizes only, and refuses an adapter above the limit it was started with.
            text.Append(CultureInfo.InvariantCulture,
                $"vllm serve BASE_MODEL --enable-lora --max-lora-rank {ServingRank(rank ?? 16)} --lora-modules {adapter.Name}=./{adapter.Name}\n");
        text.Append("```\n");
    }

    /// <summary>No server loads a head with an adapter; transformers needs to be told the classes, which a base does not know.</summary>
    private static void AppendClassifier(StringBuilder text, AdapterState adapter)
    {
        text.Append("## Use\n\n```python\n");
        text.Append("import json\nfrom peft import PeftModel\nfrom transformers import AutoModelForSequenceClassification\n\n");
        text.Append(CultureInfo.InvariantCulture, $"names = json.load(open(\"{adapter.Name}/{ClassNames.FileName}\"))[\"id2label\"]\n");
        text.Append("names = {int(i): name for i, name in names.items()}\n");
        text.Append("base = AutoModelForSequenceClassification.from_pretrained(BASE_MODEL, num_labels=len(names), id2label=names, label2id={n: i for i, n in names.items()}, ignore_mismatched_sizes=True)\n");
        text.Append(CultureInfo.InvariantCulture, $"model = PeftModel.from_pretrained(base, \"{adapter.Name}\")\n```\n");
    }

    private static int ServingRank(int rank) => new[] { 8, 16, 32, 64, 128, 256, 320, 512 }.FirstOrDefault(r => r >= rank, rank);

    private static void Row(StringBuilder text, string name, string? value)
    {
        if (value is not null)
            text.Append(CultureInfo.InvariantCulture, $"| {name} | {value.Replace("|", "\\|").ReplaceLineEndings(" ")} |\n");
    }

    private static string Quote(string value) => $"\"{value.Replace("\\", "\\\\").Replace("\"", "\\\"").ReplaceLineEndings(" ")}\"";
}
