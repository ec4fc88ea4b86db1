using System.Text.Json;
using FineTuneGrid.Contracts.Inspection;

namespace FineTuneGrid.Shards;

/// <summary>
/// Texts, or pairs of texts, to be classified, under the column names that published data sets have. The column of the classes is named by
/// the job, since they call it anything.
/// </summary>
internal sealed class ClassificationFormat(string first, string? second = null) : RowFormat
{
    /// <summary>Pairs first: a column of theirs may make a layout of one text too.</summary>
    public static IReadOnlyList<ClassificationFormat> Layouts { get; } =
    [
        new("text", "text_pair"), new("sentence1", "sentence2"), new("premise", "hypothesis"), new("question1", "question2"), new("question", "sentence"),
        new("text"), new("sentence"),
    ];

    public override string Name => DataFormats.Classification;

    public override IReadOnlyList<string> Required => second is null ? [first] : [first, second];

    public override bool NeedsStop => false;

    internal override ParsedRow Parse(JsonElement row) => new LabelledRow(FilledText(row, first), second is null ? null : FilledText(row, second), 0);
}

/// <summary>The same with the class of each row.</summary>
internal sealed class LabelledFormat(RowFormat texts, LabelColumn labels, ClassMap classes) : RowFormat
{
    public override string Name => texts.Name;

    public override IReadOnlyList<string> Required => [.. texts.Required, labels.Name];

    public override bool NeedsStop => false;

    internal override ParsedRow Parse(JsonElement row) => (LabelledRow)texts.Parse(row) with { Class = classes.IdOf(labels.Read(row), labels.Name) };
}
