using System.Globalization;

namespace FineTuneGrid.Text.Tokenization;

/// <summary>Combining classes, decompositions and compositions. .NET has none of them in invariant globalization mode.</summary>
internal static class UnicodeTables
{
    private static readonly Dictionary<int, byte> Classes = [];
    private static readonly Dictionary<int, (int[] Parts, bool Compatibility)> Decompositions = [];
    private static readonly Dictionary<(int First, int Second), int> Compositions = [];
    private static readonly HashSet<int> SecondParts = [];

    static UnicodeTables()
    {
        using var stream = typeof(UnicodeTables).Assembly.GetManifestResourceStream("unicode-data.txt")
            ?? throw new InvalidOperationException("The assembly lacks its resource unicode-data.txt.");
        using var reader = new StreamReader(stream);
        while (reader.ReadLine() is { } line)
        {
            if (line[0] == '#')
                continue;
            var fields = line.Split(';');
            var code = Hex(fields[0]);
            if (fields[1] != "0")
                Classes[code] = (byte)Hex(fields[1]);
            if (fields[2].Length == 0 || OlderUnicode.StaysWhole(code))
                continue;
            var parts = Array.ConvertAll(fields[2][1..].Split(' '), Hex);
            Decompositions[code] = (parts, fields[2][0] == '~');
            if (fields[2][0] != '=')
                continue;
            Compositions[(parts[0], parts[1])] = code;
            SecondParts.Add(parts[1]);
        }
    }

    public static int CombiningClass(int code) => Classes.GetValueOrDefault(code);

    /// <summary>One step of decomposition; empty where there is none of the kind.</summary>
    public static ReadOnlySpan<int> Decomposition(int code, bool compatibility) =>
        Decompositions.TryGetValue(code, out var entry) && (compatibility || !entry.Compatibility) ? entry.Parts : default;

    public static int? Compose(int first, int second) => Compositions.TryGetValue((first, second), out var code) ? code : null;

    public static bool CanFollow(int code) => SecondParts.Contains(code);

    private static int Hex(string text) => int.Parse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
}
