namespace FineTuneGrid.Chaos;

/// <summary>What the kills of one cell came to.</summary>
internal sealed class CellTally(Cell cell)
{
    private readonly List<TimeSpan> _recovered = [];
    private readonly List<string> _broken = [];

    public Cell Cell => cell;

    /// <summary>Kills that hit their moment.</summary>
    public int Killed { get; private set; }

    /// <summary>Jobs that were accepted and did not succeed.</summary>
    public int Lost { get; private set; }

    /// <summary>Jobs that were registered twice, or count a step twice.</summary>
    public int Doubled { get; private set; }

    /// <summary>Jobs whose one version has the bytes of the undisturbed run.</summary>
    public int Identical { get; private set; }

    public IReadOnlyList<string> Broken => _broken;

    public void Add(KillResult result, IReadOnlyList<EndedJob> ended, IReadOnlyList<string> broken)
    {
        if (result.Hit)
        {
            Killed++;
            _recovered.Add(result.Recovered);
        }
        Lost += ended.Count(j => j.Status != "succeeded");
        Doubled += ended.Count(j => j.Digests.Count > 1 || j.Steps.Distinct().Count() != j.Steps.Count);
        Identical += ended.Count(j => j.Digests is [var digest] && digest == j.Expected);
        _broken.AddRange(broken);
    }

    public void Fail(string why) => _broken.Add(why);

    public object Line() => new
    {
        Bench = "matrix", Cell = cell.Name, Killed, Lost, Doubled, Identical, RecoverP50S = Report.Percentile(_recovered, 50), RecoverP95S = Report.Percentile(_recovered, 95), Broken = _broken,
    };
}
