using System.Text;

namespace FineTuneGrid.Text.Templates;

/// <summary>Python's ways of making a text as wide as asked for, in code points.</summary>
internal static class TemplatePadding
{
    // Where the padding is odd, the odd one stands left if the width is odd too.
    public static string Center(string text, long width, string fill, TemplateBudget budget)
    {
        var missing = Missing(text, width, budget);
        var left = (missing / 2) + (missing & width & 1);
        return Times(fill, left) + text + Times(fill, missing - left);
    }

    public static string Left(string text, long width, string fill, TemplateBudget budget) => text + Times(fill, Missing(text, width, budget));

    public static string Right(string text, long width, string fill, TemplateBudget budget) => Times(fill, Missing(text, width, budget)) + text;

    /// <summary>Tabs to spaces, up to the next column that is a multiple of the size.</summary>
    public static string ExpandTabs(string text, long size, TemplateBudget budget)
    {
        var output = new StringBuilder();
        var column = 0L;
        foreach (var rune in text.EnumerateRunes())
        {
            if (rune.Value == '\t')
            {
                var spaces = size > 0 ? size - (column % size) : 0;
                budget.Build(output.Length + spaces);
                output.Append(' ', (int)spaces);
                column += spaces;
                continue;
            }
            output.Append(rune.ToString());
            column = rune.Value is '\n' or '\r' ? 0 : column + 1;
        }
        return output.ToString();
    }

    private static long Missing(string text, long width, TemplateBudget budget)
    {
        var missing = Math.Max(0, width - TemplateValues.CodePoints(text));
        budget.Build(missing);
        return missing;
    }

    private static string Times(string fill, long count) =>
        fill.EnumerateRunes().Count() == 1 ? new StringBuilder().Insert(0, fill, (int)count).ToString() : throw new TemplateException("the fill must be one character");
}
