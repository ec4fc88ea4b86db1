using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Jobs;

namespace FineTuneGrid.Gateway.Pages;

/// <summary>What a job's steps measured: four charts, and the newest steps as numbers.</summary>
internal static class JobPlots
{
    private const int PageSize = 1000;
    private const int StepsShown = 10;

    public static async Task<IReadOnlyList<StepMetrics>> StepsAsync(IJobGrain job)
    {
        var all = new List<StepMetrics>();
        while (await job.Metrics(all.Count == 0 ? 0 : all[^1].Step, PageSize) is { Count: > 0 } page)
        {
            all.AddRange(page);
            if (page.Count < PageSize) break;
        }
        return all;
    }

    public static Html Draw(IReadOnlyList<StepMetrics> steps, int totalSteps)
    {
        if (steps.Count == 0) return Html.Of($"""<p class="empty">The curves appear with the first step.</p>""");
        var charts = Html.Join(
        [
            LineChart.Draw("Loss", totalSteps, Line("train_loss", "training", "train", steps, s => s.TrainLoss), Line("valid_loss", "validation", "valid", steps, s => s.ValidLoss) with { Dots = true }),
            LineChart.Draw("Learning rate", totalSteps, Line("learning_rate", "rate", "rate", steps, s => s.LearningRate)),
            LineChart.Draw("Gradient norm", totalSteps, Line("grad_norm", "norm", "norm", steps, s => s.GradNorm)),
            LineChart.Draw("Throughput, tokens a second", totalSteps, Line("tokens_per_second", "tokens a second", "speed", steps, Speed)),
        ]);
        return Html.Of($"""<div class="charts" data-step="{steps[^1].Step}" data-attempt="{steps[^1].Attempt}">{charts}</div>{Numbers(steps)}""");
    }

    private static double? Speed(StepMetrics step) => step.Seconds > 0 ? step.Tokens / step.Seconds : null;

    private static ChartLine Line(string field, string label, string kind, IReadOnlyList<StepMetrics> steps, Func<StepMetrics, double?> value) =>
        new(field, label, kind, [.. steps.Select(s => (X: (double)s.Step, Y: value(s) ?? double.NaN)).Where(p => double.IsFinite(p.Y))]);

    private static Html Numbers(IReadOnlyList<StepMetrics> steps)
    {
        var table = Format.Table("The newest steps", ["Step", "Epoch", "Training loss", "Validation loss", "Learning rate", "Gradient norm", "Tokens", "Tokens a second"],
            steps.TakeLast(StepsShown).Reverse().Select(s => (Html[])
            [
                Html.Of($"{s.Step}{(s.Provisional ? " (no checkpoint yet)" : "")}"), Html.Of($"{s.Epoch:0.00}"), Html.Of($"{Format.Figure(s.TrainLoss)}"), Html.Of($"{Format.Figure(s.ValidLoss)}"),
                Html.Of($"{(s.LearningRate is { } r ? LineChart.Number(r) : "–")}"), Html.Of($"{Format.Figure(s.GradNorm)}"), Html.Of($"{Format.Count(s.Tokens)}"), Html.Of($"{Format.Count(Speed(s))}"),
            ]), "None yet.");
        return Html.Of($"<details><summary>The newest steps as numbers</summary>{table}</details>");
    }
}
