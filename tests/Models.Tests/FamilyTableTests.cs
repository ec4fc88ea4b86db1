using System.Globalization;
using System.Text;
using System.Text.Json;
using FineTuneGrid.Models.Architectures;
using FineTuneGrid.Models.Layers;
using FineTuneGrid.Models.Optim;
using static TorchSharp.torch;

namespace FineTuneGrid.Models.Tests;

/// <summary>
/// The table of families in the documentation. <c>FTG_WRITE_TABLE=1 ./grid test Models</c> measures and writes it; without that
/// the tests hold its rows, not its figures, to the families there are.
/// </summary>
public sealed class FamilyTableTests
{
    private const string Name = "FAMILIES.md";

    [Fact]
    public void Table_ListsEveryReferenceAndEveryModelType()
    {
        if (Environment.GetEnvironmentVariable("FTG_WRITE_TABLE") == "1")
            File.WriteAllText(Where(), Write());
        var rows = File.ReadAllLines(Where()).Where(l => l.StartsWith("| `", StringComparison.Ordinal))
            .Select(l => l.Split('|', StringSplitOptions.TrimEntries)).ToList();
        Assert.Equal(Golden.Names, rows.Select(r => r[1].Trim('`')));
        Assert.Equal(Golden.Names.Select(n => new Golden(n).Architecture.Config.ModelType), rows.Select(r => r[2]));
        Assert.Equal(ModelFamilies.ModelTypes, rows.Select(r => r[2]).Distinct().Order(StringComparer.Ordinal));
        Assert.Equal(Golden.Names.Select(From), rows.Select(r => r[7]));
        Assert.All(rows, r => Assert.True(Number(r[3]) < 1e-4 && Number(r[4]) < 1e-4 && Number(r[5]) < 1e-4 && Number(r[6]) < 4e-2, string.Join(" | ", r)));
    }

    private static double Number(string text) => double.Parse(text, CultureInfo.InvariantCulture);

    private static string Where()
    {
        var at = new DirectoryInfo(AppContext.BaseDirectory);
        while (at is not null && !File.Exists(Path.Combine(at.FullName, "FineTuneGrid.slnx")))
            at = at.Parent;
        return Path.Combine(at!.FullName, "trainers", "Models", Name);
    }

    private static string Write()
    {
        var text = new StringBuilder("""
            # Model families and their measured errors

            Written by `FTG_WRITE_TABLE=1 ./grid test Models`. Small random models in fp32 on a CPU, against reference values in
            `tests/Models.Tests/goldens`: from transformers 4.44 and PEFT 0.12, or from a plain float64 rendering of the published
            architecture, which `make_reference.py`, `make_variants.py` and `make_classifier_reference.py` there compute.

            - logits: largest difference of the last position's logits (of a classifier's scores), relative to the largest of them;
            - log-probabilities: largest difference of any token's or class's, in nats;
            - LoRA losses: largest difference of the losses before and after four AdamW steps;
            - adapter: largest difference of any element after those steps (each step moves an element by up to 0.005).

            | reference | model_type | logits | log-probabilities | LoRA losses | adapter | from |
            | --- | --- | --- | --- | --- | --- | --- |

            """);
        foreach (var name in Golden.Names)
            text.AppendLine(CultureInfo.InvariantCulture, $"| `{name}` | {new Golden(name).Architecture.Config.ModelType} | {string.Join(" | ", Measure(new Golden(name)).Select(e => e.ToString("0.0e0", CultureInfo.InvariantCulture)))} | {From(name)} |");
        return text.ToString();
    }

    private static string From(string name) => new Golden(name).Architecture.Config.Has("transformers_version") ? "transformers" : "rendering";

    private static double[] Measure(Golden golden)
    {
        using var scope = NewDisposeScope();
        using var model = golden.Load();
        var batch = golden.Batch();
        var (losses, elements) = Train(golden, model, batch);
        var (logits, probabilities) = golden.Architecture.Classifier is null ? Tokens(golden, model, batch) : Classes(golden, model);
        return [logits, probabilities, losses, elements];
    }

    private static (double Logits, double LogProbs) Tokens(Golden golden, CausalLm model, MicroBatch batch)
    {
        var last = golden.Values.GetProperty("last_logits").Deserialize<float[][]>()!;
        var length = golden.Sequences[0].Length;
        var logits = model.Logits(batch, rows: [.. last.Select((_, s) => (long)(s + 1) * length - 1)]).data<float>().ToArray();
        var expected = last.SelectMany(r => r).ToArray();
        var probabilities = golden.Values.GetProperty("logprobs").Deserialize<double[][]>()!.SelectMany(r => r);
        return (expected.Zip(logits, (e, a) => Math.Abs(e - a)).Max() / expected.Max(Math.Abs), probabilities.Zip(model.Loss(batch).Losses, (e, l) => Math.Abs(e + l)).Max());
    }

    private static (double Logits, double LogProbs) Classes(Golden golden, CausalLm model)
    {
        var (worst, most, logProbs) = (0.0, 0.0, 0.0);
        foreach (var values in golden.Cases.EnumerateObject().Select(c => c.Value))
        {
            var batch = golden.Case(values);
            var expected = values.GetProperty("logits").Deserialize<float[][]>()!.SelectMany(r => r).ToArray();
            var actual = model.Logits(batch, rows: batch.SupervisedRows).data<float>().ToArray();
            worst = Math.Max(worst, expected.Zip(actual, (e, a) => Math.Abs(e - a)).Max());
            most = Math.Max(most, expected.Max(Math.Abs));
            logProbs = Math.Max(logProbs, values.GetProperty("logprobs").Deserialize<double[][]>()!.SelectMany(r => r).Zip(golden.LogProbs(model, batch), (e, a) => Math.Abs(e - a)).Max());
        }

        return (worst / most, logProbs);
    }

    private static (double Losses, double Elements) Train(Golden golden, CausalLm model, MicroBatch batch)
    {
        using var adapter = golden.Adapter("init");
        using var final = golden.Adapter("final");
        using var optimizer = new AdamW(adapter.Parameters, new AdamWOptions { WeightDecay = 0.01 });
        using var gradient = adapter.Parameters.NewBuffer();
        var worst = 0.0;
        foreach (var expected in golden.Training.GetProperty("loss_before_step").Deserialize<double[]>()!)
        {
            gradient.zero_();
            var loss = model.LossAndGradients(batch, adapter, gradient);
            gradient.div_((double)loss.Count);
            worst = Math.Max(worst, Math.Abs(expected - loss.Sum / loss.Count));
            optimizer.Step(gradient, 5e-3);
        }

        var after = model.Loss(batch, adapter);
        worst = Math.Max(worst, Math.Abs(golden.Training.GetProperty("loss_after_last_step").GetDouble() - after.Sum / after.Count));
        return (worst, (final.Parameters.Flat - adapter.Parameters.Flat).abs().max().item<float>());
    }
}
