using System.CommandLine;
using System.Diagnostics;
using System.Net.Http.Headers;
using System.Text.Json;
using FineTuneGrid.Client;

namespace FineTuneGrid.Cli.Commands;

/// <summary>The sample job from submit to pull on a running grid, and what it changed: the last part of <c>./grid demo</c>.</summary>
public static class DemoCommand
{
    private const string BaseModel = "tiny";
    private const string HeldOut = "sample-validation";
    private const int ExactMatchRows = 200;
    private const int Shown = 4;

    public static Command Create()
    {
        var spec = new Argument<FileInfo>("spec") { Description = "The sample job." };
        var output = new Argument<DirectoryInfo>("dir") { Description = "Where the adapter and report.json go." };
        return new Command("demo", "Run the sample job and report what it changed.").Does(async (context, ct) =>
        {
            var clock = Stopwatch.StartNew();
            var job = await SubmitAsync(context, context.Get(spec), ct);
            context.Output.Note($"submitted {job}");
            if (await JobWatch.RunAsync(context, job, ct) != 0) return 1;
            var report = await ReportAsync(context, job, context.Get(output), clock, ct);
            await File.WriteAllTextAsync(Path.Combine(context.Get(output).FullName, "report.json"), JsonSerializer.Serialize(report, Contracts.GridJson.Indented), ct);
            return 0;
        }, spec, output);
    }

    private static async Task<string> SubmitAsync(CommandContext context, FileInfo spec, CancellationToken ct)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "api/v1/jobs")
        {
            Content = new StringContent(await File.ReadAllTextAsync(spec.FullName, ct), new MediaTypeHeaderValue("application/json")),
        };
        using var response = await context.Client.SendAsync(request, ct);
        await GridClient.EnsureOkAsync(response, ct);
        return JsonDocument.Parse(await response.Content.ReadAsByteArrayAsync(ct)).RootElement.Text("id")!;
    }

    private static async Task<DemoReport> ReportAsync(CommandContext context, string jobId, DirectoryInfo output, Stopwatch clock, CancellationToken ct)
    {
        var job = await context.Client.GetAsync($"api/v1/jobs/{jobId}", ct);
        var (adapter, version) = (job.Text("adapter")!, job.Text("adapter_version")!);
        var detail = await context.Client.GetAsync($"api/v1/adapters/{adapter}", ct);
        var files = detail.GetProperty("versions").EnumerateArray().Single(v => v.Text("version") == version).GetProperty("files");
        var folder = Path.Combine(output.FullName, "adapter");
        foreach (var file in files.EnumerateArray())
        {
            var path = SafePath.Check(file.Text("path")!);
            await context.Files.DownloadAsync($"api/v1/adapters/{adapter}/versions/{version}/files/{SafePath.Escape(path)}",
                Path.Combine(folder, path), (long)file.Number("length")!, file.Text("sha256")!, path, ct);
        }
        await AdapterVerification.RunAsync(folder, null, ct);
        context.Output.Line($"pulled {adapter}@{version} to {folder}");
        var before = await RunCommands.EvaluateAsync(context, BaseModel, HeldOut, ExactMatchRows, ct);
        var after = await RunCommands.EvaluateAsync(context, $"{adapter}@{version}", HeldOut, ExactMatchRows, ct);
        Print(context.Output, before, after);
        var weights = Path.Combine(folder, "adapter_model.safetensors");
        return new DemoReport(before.Number("exact_match")!.Value, after.Number("exact_match")!.Value, before.Number("loss")!.Value, after.Number("loss")!.Value,
            jobId, folder, await FileTransfer.DigestAsync(weights, ct), Math.Round(clock.Elapsed.TotalSeconds, 1));
    }

    private static void Print(Output output, JsonElement before, JsonElement after)
    {
        output.Line("");
        output.Line($"{"held-out rows",-16}{"base",10}{"tuned",10}");
        output.Line($"{"exact match",-16}{before.Rounded("exact_match", "0.000"),10}{after.Rounded("exact_match", "0.000"),10}");
        output.Line($"{"loss",-16}{before.Rounded("loss"),10}{after.Rounded("loss"),10}");
        foreach (var (b, a) in before.GetProperty("samples").EnumerateArray().Zip(after.GetProperty("samples").EnumerateArray()).Take(Shown))
        {
            output.Line("");
            output.Line($"prompt  {b.Text("prompt")}");
            output.Line($"wanted  {b.Text("expected")?.Trim()}");
            output.Line($"base    {b.Text("got")?.Trim()}");
            output.Line($"tuned   {a.Text("got")?.Trim()}");
        }
    }

    private sealed record DemoReport(
        double BaseExactMatch, double TunedExactMatch, double BaseLoss, double TunedLoss, string Job, string AdapterPath, string AdapterSha256, double Seconds);
}
