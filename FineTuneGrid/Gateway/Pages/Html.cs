using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Encodings.Web;

namespace FineTuneGrid.Gateway.Pages;

/// <summary>Markup. Made only from literals and encoded values, so text from users can never become markup.</summary>
public readonly record struct Html(string Markup)
{
    public static readonly Html Empty = new("");

    /// <summary>Interpolated markup: holes are encoded, save those that are <see cref="Html"/> themselves.</summary>
    public static Html Of(HtmlHandler markup) => new(markup.ToString());

    public static Html Join(IEnumerable<Html> parts) => new(string.Concat(parts.Select(p => p.Markup)));

    public override string ToString() => Markup;
}

[InterpolatedStringHandler]
public readonly ref struct HtmlHandler
{
    private readonly StringBuilder _text;

    public HtmlHandler(int literalLength, int formattedCount) => _text = new StringBuilder(literalLength + formattedCount * 16);

    public void AppendLiteral(string literal) => _text.Append(literal);

    public void AppendFormatted(Html html) => _text.Append(html.Markup);

    public void AppendFormatted<T>(T value) => _text.Append(HtmlEncoder.Default.Encode(
        value is IFormattable f ? f.ToString(null, System.Globalization.CultureInfo.InvariantCulture) : value?.ToString() ?? ""));

    public void AppendFormatted<T>(T value, string format) where T : IFormattable =>
        _text.Append(HtmlEncoder.Default.Encode(value.ToString(format, System.Globalization.CultureInfo.InvariantCulture)));

    public override string ToString() => _text.ToString();
}
