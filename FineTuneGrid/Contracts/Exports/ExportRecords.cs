using FineTuneGrid.Contracts.Inspection;

namespace FineTuneGrid.Contracts.Exports;

/// <summary>What a model or adapter can be written as, besides the files that it was registered with.</summary>
public static class ExportFormats
{
    /// <summary>A full model folder: the base with the adapter's part in its weights.</summary>
    public const string Merged = "merged";

    /// <summary>llama.cpp's file: a base whole, or an adapter for one.</summary>
    public const string Gguf = "gguf";

    public static readonly IReadOnlyList<string> Dtypes = ["f32", "f16", "bf16"];

    /// <summary>The export's name below its model or adapter version: the format, and the dtype where one was asked for.</summary>
    public static string KeyOf(string format, string? dtype) => dtype is null ? format : $"{format}-{dtype}";
}

/// <summary>How far the logits of what was written lie from those of the live model, over the same tokens.</summary>
/// <param name="Text">What was read: <c>built-in</c>, the data set's name, or <c>random ids</c> for a tokenizer that encodes no text.</param>
/// <param name="Tokens">Positions compared.</param>
/// <param name="MaxLogitDifference">Largest distance of two logits.</param>
/// <param name="LargestLogit">Of the live model, by its absolute value.</param>
/// <param name="TopOneAgreement">Share of the positions where both find the same token likeliest.</param>
public sealed record ExportParityView(string Text, int Tokens, double MaxLogitDifference, double LargestLogit, double TopOneAgreement);

/// <summary><c>export.json</c>: what was written and how it was measured.</summary>
/// <param name="Subject">Name of the model, or <c>org/name@version</c>.</param>
/// <param name="Dtype">Of the matrices: f32, f16, bf16.</param>
/// <param name="BaseDigest">Identity of the base model.</param>
/// <param name="Notes">What is to be known of it, for people.</param>
public sealed record ExportReport(
    string Subject, string Format, string Dtype, string BaseDigest, ExportParityView Parity, IReadOnlyList<string> Notes, double Seconds)
{
    public const string FileName = "export.json";
}

/// <summary>What an export left in the store, <c>{prefix}record.json</c>. It is written last: where it is, the files are.</summary>
public sealed record ExportRecord(IReadOnlyList<SourceFile> Files, ExportReport Report)
{
    public const string FileName = "record.json";
}

/// <summary>How far an export is, <c>{prefix}progress.json</c> while it runs.</summary>
/// <param name="Stage">For people.</param>
/// <param name="Done">Share of the stage, 0 to 1.</param>
public sealed record ExportProgress(string Stage, double Done)
{
    public const string FileName = "progress.json";
}

public static class ExportStatus
{
    /// <summary>Never asked for, or no longer kept, or its silo stopped: ask for it.</summary>
    public const string Absent = "absent";
    public const string Running = "running";
    public const string Ready = "ready";
    public const string Failed = "failed";
}

/// <summary>An export as REST shows it.</summary>
/// <param name="Export">Its name in addresses: <c>gguf</c>, <c>gguf-f16</c>, <c>merged</c>.</param>
/// <param name="Status">One of <see cref="ExportStatus"/>.</param>
public sealed record ExportView(
    string Export, string Status, ExportProgress? Progress = null, IReadOnlyList<SourceFile>? Files = null, ExportReport? Report = null, GridError? Error = null);
