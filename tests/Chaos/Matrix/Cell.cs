namespace FineTuneGrid.Chaos;

/// <summary>What is killed.</summary>
internal enum Victim
{
    Silo,
    OtherSilo,
    Agent,
    Trainer,
    Redis,
    Store,
    Everything,
}

/// <summary>Where the job is when it happens.</summary>
internal enum Moment
{
    Queued,
    Starting,
    MidStep,
    MidUpload,
    BeforeCommit,
    Publishing,
}

/// <summary>One cell of the kill matrix. <see cref="Victim.Silo"/> is the one that holds the job's grain, with its gateway.</summary>
internal sealed record Cell(Victim Victim, Moment Moment)
{
    public string Name => $"{Spell(Victim)}/{Spell(Moment)}";

    /// <summary>All that a cluster of so many silos can lose.</summary>
    public static IReadOnlyList<Cell> All(int silos) =>
    [
        .. from victim in Enum.GetValues<Victim>()
           where silos > 1 || victim is not (Victim.OtherSilo or Victim.Redis)
           from moment in Enum.GetValues<Moment>()
           select new Cell(victim, moment),
    ];

    /// <param name="only">Names of cells, separated by commas; <c>trainer/</c> and <c>/queued</c> are a row and a column. Null: all.</param>
    /// <exception cref="FormatException">Names what is no cell.</exception>
    public static IReadOnlyList<Cell> Choose(string? only, int silos)
    {
        var all = All(silos);
        if (only is null) return all;
        var chosen = new List<Cell>();
        foreach (var name in only.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            var found = all.Where(c => c.Name == name || (name.EndsWith('/') && c.Name.StartsWith(name, StringComparison.Ordinal)) || (name.StartsWith('/') && c.Name.EndsWith(name, StringComparison.Ordinal))).ToList();
            if (found.Count == 0) throw new FormatException($"'{name}' is no cell; there are {string.Join(", ", all.Select(c => c.Name))}");
            chosen.AddRange(found);
        }
        return [.. chosen.Distinct()];
    }

    private static string Spell<T>(T name)
        where T : struct, Enum => string.Concat(name.ToString().Select((c, i) => char.IsUpper(c) ? (i == 0 ? "" : "-") + char.ToLowerInvariant(c) : c.ToString()));
}
