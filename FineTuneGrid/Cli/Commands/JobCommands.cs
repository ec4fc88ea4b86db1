using System.CommandLine;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;

namespace FineTuneGrid.Cli.Commands;

public static class JobCommands
{
    /// <summary>A replay takes as long as its window took to train; the server ends it after an hour.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(65);

    private static readonly Argument<string> Id = new("id") { Description = "The job's id." };

    public static Command Create() => CommandExtensions.Group("job", "Fine-tuning jobs.",
        Submit(), List(), Show(), Watch(), Logs(), Events(),
        Change("cancel", "Cancel the job; its checkpoints and logs stay."),
        Change("pause", "Checkpoint, then give the slot back."),
        Change("resume", "Queue a paused job again."),
        Remove(), VerifyResume());

    private static Command Submit()
    {
        var file = new Argument<FileInfo>("spec") { Description = "The job as JSON, see GET /api/v1/jobs/schema." };
        var dryRun = new Option<bool>("--dry-run") { Description = "Check and resolve only: spec, steps, memory, time." };
        var watch = new Option<bool>("--watch") { Description = "Follow the job until it ends." };
        return new Command("submit", "Submit a job.").Does(async (context, ct) =>
        {
            var spec = context.Get(file);
            if (!spec.Exists) throw new CliException($"{spec} does not exist", 2);
            using var request = new HttpRequestMessage(HttpMethod.Post, "api/v1/jobs" + (context.Get(dryRun) ? "?dry_run=true" : ""))
            {
                Content = new StringContent(await File.ReadAllTextAsync(spec.FullName, ct), new MediaTypeHeaderValue("application/json")),
            };
            // The same key for the same call: a retry inside this process can never make two jobs.
            request.Headers.Add("Idempotency-Key", Guid.NewGuid().ToString("N"));
            using var response = await context.Client.SendAsync(request, ct);
            await GridClient.EnsureOkAsync(response, ct);
            var job = JsonDocument.Parse(await response.Content.ReadAsByteArrayAsync(ct)).RootElement;
            if (context.Get(dryRun))
            {
                context.Output.Result(job, () => JsonSerializer.Serialize(job, Contracts.GridJson.Indented));
                return 0;
            }
            if (!context.Get(watch))
            {
                context.Output.Result(job, () => job.Text("id")!);
                return 0;
            }
            return await JobWatch.RunAsync(context, job.Text("id")!, ct);
        }, file, dryRun, watch);
    }

    private static Command List() => new Command("list", "Jobs, newest first.").Does(async (context, ct) =>
    {
        context.Output.Table(await context.Client.ListAsync("api/v1/jobs", ct),
            ("ID", j => j.Text("id")), ("STATUS", j => j.Text("status")), ("ADAPTER", j => j.Text("adapter")),
            ("STEP", j => $"{j.Text("progress.step") ?? "0"}/{j.Text("progress.total_steps") ?? "?"}"),
            ("LOSS", j => j.Rounded("progress.train_loss")),
            ("WHY", j => j.Text("waiting.text") ?? j.Text("error.message")));
        return 0;
    });

    private static Command Show() => new Command("show", "One job, whole.").Does(async (context, ct) =>
    {
        var job = await context.Client.GetAsync($"api/v1/jobs/{Uri.EscapeDataString(context.Get(Id))}", ct);
        context.Output.Result(job, () => JsonSerializer.Serialize(job, Contracts.GridJson.Indented));
        return 0;
    }, Id);

    private static Command Watch() => new Command("watch", "Follow a job until it ends; Ctrl-C only stops watching.")
        .Does((context, ct) => JobWatch.RunAsync(context, context.Get(Id), ct), Id);

    private static Command Logs()
    {
        var follow = new Option<bool>("--follow", "-f") { Description = "Go on until the job ends." };
        var worker = new Option<int>("--worker") { Description = "Of a job of several workers: which one, from 0." };
        return new Command("logs", "What the job's trainer printed.").Does(async (context, ct) =>
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, $"api/v1/jobs/{Uri.EscapeDataString(context.Get(Id))}/logs?follow={(context.Get(follow) ? "true" : "false")}&worker={context.Get(worker)}");
            using var response = await context.Client.SendAsync(request, ct);
            await GridClient.EnsureOkAsync(response, ct);
            using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(ct), Encoding.UTF8);
            while (await reader.ReadLineAsync(ct) is { } line) context.Output.Row(new { line }, () => line);
            return 0;
        }, Id, follow, worker);
    }

    private static Command Events() => new Command("events", "The job's events, oldest first.").Does(async (context, ct) =>
    {
        foreach (var e in await context.Client.ListAsync($"api/v1/jobs/{Uri.EscapeDataString(context.Get(Id))}/events", ct))
            context.Output.Row(e, () => $"{e.Text("time")}  {e.Text("type"),-10}  {e.Text("message")}");
        return 0;
    }, Id);

    private static Command Remove() => new Command("rm", "Delete a job that is over, with its checkpoints, events and logs.").Does(async (context, ct) =>
    {
        await context.Client.DeleteAsync($"api/v1/jobs/{Uri.EscapeDataString(context.Get(Id))}", ct);
        context.Output.Result(new { removed = context.Get(Id) }, () => $"removed {context.Get(Id)}");
        return 0;
    }, Id);

    private static Command VerifyResume()
    {
        var from = new Option<int?>("--from-step") { Description = "A kept checkpoint to go on from; default: the one before --to-step." };
        var to = new Option<int?>("--to-step") { Description = "A later kept checkpoint to end at; default: the next one, or the newest." };
        return new Command("verify-resume", "Train between two kept checkpoints again and compare the bytes; 0 where they are the same, 1 where not.").Does(async (context, ct) =>
        {
            var window = new { from_step = context.Get(from), to_step = context.Get(to) };
            var found = await context.Client.PostAsync($"api/v1/jobs/{Uri.EscapeDataString(context.Get(Id))}/verify-resume", window, ct, Patience);
            context.Output.Result(found, () => Verdict(found));
            return found.GetProperty("identical").GetBoolean() ? 0 : 1;
        }, Id, from, to);
    }

    private static string Verdict(JsonElement found)
    {
        var window = $"{found.Text("job")} steps {found.Text("from_step")} to {found.Text("to_step")} trained again in {found.Rounded("seconds", "0.0")} s";
        if (found.GetProperty("identical").GetBoolean())
            return $"{window}: identical, adapter sha256 {found.Text("adapter_sha256.actual")}, optimizer sha256 {found.Text("optimizer_sha256.actual")}";
        var parts = string.Join(", ", found.GetProperty("differs").EnumerateArray().Select(p => p.GetString()));
        var note = found.Text("note") is { } text ? $" ({text})" : "";
        return $"{window}: DIFFERENT in {parts}: adapter sha256 {found.Text("adapter_sha256.actual")} instead of {found.Text("adapter_sha256.expected")}, "
            + $"optimizer sha256 {found.Text("optimizer_sha256.actual")} instead of {found.Text("optimizer_sha256.expected")}{note}";
    }

    private static Command Change(string verb, string description) => new Command(verb, description).Does(async (context, ct) =>
    {
        var job = await context.Client.PostAsync($"api/v1/jobs/{Uri.EscapeDataString(context.Get(Id))}/{verb}", null, ct);
        context.Output.Result(job, () => $"{job.Text("id")} {job.Text("status")}");
        return 0;
    }, Id);
}
