using System.Globalization;

namespace FineTuneGrid.Text.Tokenization;

/// <summary>
/// Cuts where the script changes; kana count as Han. Spaces and characters that the reference's table lacks go with what is before
/// them, and are left out before the first of a known script, as the reference does.
/// </summary>
internal sealed class UnicodeScriptsPreTokenizer : PreTokenizer
{
    private static readonly (int From, int To, int Script)[] Ranges = Read();

    public override void Apply(Piece piece, List<Piece> into)
    {
        var text = piece.Owner.Text.AsSpan();
        var (start, current) = (-1, 0);
        for (var i = piece.Start; i < piece.End;)
        {
            var script = ScriptOf(Unicode.At(text, i, out var units).Value);
            if (script != 0 && script != current)
            {
                if (start >= 0)
                    into.Add(new Piece(piece.Owner, start, i));
                (start, current) = (i, script);
            }
            i += units;
        }
        if (start >= 0)
            into.Add(new Piece(piece.Owner, start, piece.End));
    }

    /// <summary>A number for the script; 0 for what belongs to every one.</summary>
    private static int ScriptOf(int code)
    {
        var (low, high) = (0, Ranges.Length);
        while (low < high)
        {
            var middle = (low + high) >>> 1;
            if (Ranges[middle].To < code)
                low = middle + 1;
            else
                high = middle;
        }
        return low < Ranges.Length && Ranges[low].From <= code ? Ranges[low].Script : 0;
    }

    private static (int, int, int)[] Read()
    {
        using var stream = typeof(UnicodeScriptsPreTokenizer).Assembly.GetManifestResourceStream("unicode-scripts.txt")
            ?? throw new InvalidOperationException("The assembly lacks its resource unicode-scripts.txt.");
        using var reader = new StreamReader(stream);
        List<(int, int, int)> ranges = [];
        while (reader.ReadLine() is { } line)
        {
            var fields = line.Split('-', ' ');
            ranges.Add((Hex(fields[0]), Hex(fields[1]), int.Parse(fields[2], CultureInfo.InvariantCulture)));
        }
        return [.. ranges];
    }

    private static int Hex(string text) => int.Parse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
}
