using System.Text.Json;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Inspection;

namespace FineTuneGrid.Shards;

/// <summary>A way to lay out training rows. One subclass a format.</summary>
public abstract class RowFormat
{
    public const string Auto = "auto";

    private static readonly RowFormat[] All =
    [
        new TokensFormat(), new ChatFormat(), new ShareGptFormat(), new CompletionFormat(), new AlpacaFormat(), new TextFormat(), new PreferenceFormat(), new OpenAiPreferenceFormat(),
        .. ClassificationFormat.Layouts,
    ];

    public static IReadOnlyList<string> Names { get; } = [.. All.Select(f => f.Name).Distinct()];

    public abstract string Name { get; }

    /// <summary>The columns that make it this format.</summary>
    public abstract IReadOnlyList<string> Required { get; }

    /// <summary>Columns that are used where present.</summary>
    public virtual IReadOnlyList<string> Optional => [];

    /// <summary>Whether the end-of-turn token must be among what is learnt.</summary>
    public virtual bool NeedsStop => true;

    public IReadOnlySet<string> Columns => new HashSet<string>(Required.Concat(Optional), StringComparer.Ordinal);

    /// <param name="columns">They decide where a format comes in several layouts.</param>
    public static RowFormat ByName(string name, IReadOnlyList<string> columns) => All.FirstOrDefault(f => f.Name == name && f.Required.All(columns.Contains))
        ?? All.FirstOrDefault(f => f.Name == name)
        ?? throw new GridException(ErrorCodes.InvalidSpec, $"data.format '{name}' cannot be trained on here; use one of {string.Join(", ", Names)}.", "data.format");

    /// <summary>
    /// Recognises the format by the columns. A column <c>text</c> beside those of another format is taken for a copy of it, as
    /// published data sets have it.
    /// </summary>
    /// <returns>The name; <see cref="Auto"/> where the columns fit several formats.</returns>
    /// <exception cref="GridException"><c>invalid_dataset</c>: they fit none.</exception>
    public static string Detect(IReadOnlyList<string> columns)
    {
        var fitting = Fitting(columns);
        return fitting.Count switch
        {
            1 => fitting[0],
            > 1 => Auto,
            _ => throw new GridException(ErrorCodes.InvalidDataset,
                $"The columns {List(columns)} fit no format. Known formats: {string.Join("; ", All.Select(f => $"{f.Name} ({string.Join(", ", f.Required)})"))}.", "data.format"),
        };
    }

    /// <summary>The format to read a data set with.</summary>
    /// <param name="wanted">A format's name, or <see cref="Auto"/>.</param>
    public static RowFormat Choose(string wanted, IReadOnlyList<string> columns)
    {
        if (wanted == Auto)
        {
            wanted = Detect(columns);
            if (wanted == Auto)
                throw new GridException(ErrorCodes.InvalidDataset, $"The columns {List(columns)} fit several formats; set data.format to one of {string.Join(", ", Fitting(columns))}.", "data.format");
        }
        var format = ByName(wanted, columns);
        var missing = format.Required.Where(c => !columns.Contains(c)).ToList();
        return missing.Count == 0 ? format : throw new GridException(ErrorCodes.InvalidDataset,
            $"data.format '{wanted}' needs the columns {List(format.Required)}; the data set lacks {List(missing)} (it has {List(columns)}).", "data.format");
    }

    /// <exception cref="RowException">The row cannot be used.</exception>
    internal abstract ParsedRow Parse(JsonElement row);

    /// <summary>Checks a row; null where it is fine, else what is wrong with it.</summary>
    public string? Problem(JsonElement row)
    {
        try
        {
            Parse(row);
            return null;
        }
        catch (RowException problem)
        {
            return problem.Message;
        }
    }

    private static List<string> Fitting(IReadOnlyList<string> columns)
    {
        List<string> fitting = [.. All.Where(f => f.Required.All(columns.Contains)).Select(f => f.Name).Distinct()];
        // Prompts, texts and conversations beside pairs are parts of them.
        if (fitting.Contains(DataFormats.Preference))
            fitting = [DataFormats.Preference];
        // A text may be learnt or classified: what a job is for decides, not its columns.
        if (fitting.Count > 1)
            fitting.Remove(DataFormats.Classification);
        if (fitting.Count > 1)
            fitting.Remove("text");
        return fitting;
    }

    private static string List(IEnumerable<string> names) => string.Join(", ", names.Take(50).Select(n => $"'{n}'"));

    private protected static string Text(JsonElement row, string column, bool optional = false)
    {
        if (!row.TryGetProperty(column, out var value) || value.ValueKind == JsonValueKind.Null)
            return optional ? "" : throw new RowException($"'{column}' is missing");
        return value.ValueKind == JsonValueKind.String ? value.GetString()! : throw new RowException($"'{column}' must be a string");
    }

    private protected static string FilledText(JsonElement row, string column)
    {
        var text = Text(row, column);
        return text.Length > 0 ? text : throw new RowException($"'{column}' is empty");
    }
}
