using System.Globalization;
using FineTuneGrid.Contracts;

namespace FineTuneGrid.Shards;

/// <summary>The classes there are, by their ids.</summary>
internal sealed class ClassMap
{
    /// <summary>More than any task has: a column with more different values holds something else.</summary>
    public const int Most = 4096;

    private readonly Dictionary<string, int> _ids;
    private readonly bool _namesAreNumbers;

    public ClassMap(IReadOnlyList<string> names)
    {
        Names = names;
        _ids = names.Select((name, id) => (name, id)).ToDictionary(p => p.name, p => p.id, StringComparer.Ordinal);
        _namesAreNumbers = names.Any(n => long.TryParse(n, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out _));
    }

    public IReadOnlyList<string> Names { get; }

    /// <summary>A whole number is a class's name where classes have such names, else its id.</summary>
    public int? Find(LabelValue value) => _ids.TryGetValue(value.Name, out var id) ? id
        : !_namesAreNumbers && value.Number is { } number && number >= 0 && number < Names.Count ? (int)number
        : null;

    /// <exception cref="RowException">There is no such class.</exception>
    public int IdOf(LabelValue value, string column) => Find(value) ?? throw new RowException(
        $"'{column}' is '{value.Name}', which is none of the classes {string.Join(", ", Names.Take(20).Select(n => $"'{n}'"))}{(Names.Count > 20 ? " ..." : "")}");

    /// <summary>
    /// The classes of training data: those of the base's own head where they are all among them, else the data's: whole numbers in
    /// ascending order, texts in the order of their code units.
    /// </summary>
    /// <param name="found">Every different value.</param>
    /// <exception cref="GridException"><c>invalid_dataset</c>: there are too few or too many.</exception>
    public static ClassMap Choose(IReadOnlyCollection<LabelValue> found, IReadOnlyList<string>? ofBase, string column)
    {
        if (found.Count < 2)
            throw Bad($"the column '{column}' has one class only, '{found.First().Name}', in all rows; there is nothing to tell apart.");
        if (found.Count > Most)
            throw Bad($"the column '{column}' has more than {Most} different values; name the column that holds the classes.");
        if (ofBase is not null && new ClassMap(ofBase) is var own && found.All(v => own.Find(v) is not null))
            return own;
        return new ClassMap([.. found.OrderBy(v => v.Number ?? 0).ThenBy(v => v.Name, StringComparer.Ordinal).Select(v => v.Name)]);
    }

    private static GridException Bad(string what) => new(ErrorCodes.InvalidDataset, $"objective.label_column: {what}", "objective.label_column");
}
