using System.Text.Json;
using FineTuneGrid.Client;
using FineTuneGrid.Contracts;
using Spectre.Console;

namespace FineTuneGrid.Cli;

/// <summary>Data goes to standard output, progress and notes to standard error; no escape codes where a stream is no terminal.</summary>
public sealed class Output(bool json, TextWriter output, TextWriter errors) : TransferProgress
{
    private static readonly bool Plain =
        Console.IsErrorRedirected || Environment.GetEnvironmentVariable("TERM") is null or "dumb"
        || Environment.GetEnvironmentVariable("CI") is { Length: > 0 } || Environment.GetEnvironmentVariable("NO_COLOR") is { Length: > 0 };

    public bool Json { get; } = json;

    /// <summary>With --json the value itself, else the text.</summary>
    public void Result(object? value, Func<string> text) =>
        output.WriteLine(Json ? JsonSerializer.Serialize(value, GridJson.Options) : Clean(text()));

    /// <summary>One line of text, left out with --json.</summary>
    public void Line(string text)
    {
        if (!Json) output.WriteLine(Clean(text));
    }

    /// <summary>One JSON value a line, or its text.</summary>
    public void Row(object? value, Func<string> text) => Result(value, text);

    public override void Note(string text) => errors.WriteLine(Clean(text));

    /// <summary>Text from a server or a model, without the codes that would steer a terminal.</summary>
    public static string Clean(string text) =>
        text.Any(IsCode) ? string.Concat(text.Select(c => IsCode(c) ? '\uFFFD' : c)) : text;

    /// <summary>Columns padded to their widest cell; with --json the rows as an array.</summary>
    public void Table(IReadOnlyList<JsonElement> rows, params (string Title, Func<JsonElement, string?> Cell)[] columns)
    {
        if (Json)
        {
            output.WriteLine(JsonSerializer.Serialize(rows, GridJson.Options));
            return;
        }
        var cells = rows.Select(r => columns.Select(c => Clean(c.Cell(r) ?? "-")).ToArray()).Prepend([.. columns.Select(c => c.Title)]).ToList();
        var widths = columns.Select((_, i) => cells.Max(c => c[i].Length)).ToArray();
        foreach (var line in cells) output.WriteLine(string.Join("  ", line.Select((c, i) => c.PadRight(widths[i]))).TrimEnd());
    }

    public override IProgressBar Begin(string label, long total) => Plain || Json ? new PlainProgress(Clean(label), total, errors) : new TerminalProgress(label, total);

    private static bool IsCode(char c) => char.IsControl(c) && c is not ('\n' or '\t' or '\r');

    /// <summary>A line for each tenth of a long transfer; nothing for a short one.</summary>
    private sealed class PlainProgress(string label, long total, TextWriter errors) : IProgressBar
    {
        private const long Short = 32 << 20;
        private long _tenth;

        public void Report(long done)
        {
            if (total < Short) return;
            var tenth = done * 10 / total;
            if (tenth == _tenth) return;
            _tenth = tenth;
            errors.WriteLine($"{label} {tenth * 10}%");
        }

        public void Dispose()
        {
        }
    }

    private sealed class TerminalProgress : IProgressBar
    {
        private readonly TaskCompletionSource _done = new();
        private readonly Task _display;
        private ProgressTask? _task;

        public TerminalProgress(string label, long total)
        {
            var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });
            using var started = new ManualResetEventSlim();
            _display = console.Progress()
                .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new RemainingTimeColumn())
                .StartAsync(context =>
                {
                    _task = context.AddTask(Markup.Escape(label), maxValue: Math.Max(1, total));
                    started.Set();
                    return _done.Task;
                });
            started.Wait();
        }

        public void Report(long done) => _task!.Value = done;

        public void Dispose()
        {
            _done.TrySetResult();
            _display.GetAwaiter().GetResult();
        }
    }
}
