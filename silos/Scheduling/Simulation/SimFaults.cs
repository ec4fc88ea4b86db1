namespace FineTuneGrid.Scheduling.Simulation;

/// <summary>How badly the world behaves; each seed draws its own rates. All of it ends when the chaos ends.</summary>
internal sealed class SimFaults
{
    private readonly SimRandom _random;
    private readonly int _loss;
    private readonly int _twice;
    private readonly int _slow;
    private readonly int _store;
    private readonly int _storeSlow;
    private readonly int _wrongSilo;

    public SimFaults(SimRandom random)
    {
        _random = random;
        _loss = Rate(800);
        _twice = Rate(1_200);
        _slow = Rate(2_500);
        _store = Rate(500);
        _storeSlow = Rate(600);
        _wrongSilo = Rate(1_500);
    }

    public bool On { get; set; } = true;

    public bool Lost() => On && _random.Chance(_loss);

    public bool Twice() => On && _random.Chance(_twice);

    /// <summary>The directory is wrong for a moment: a second activation gets the message.</summary>
    public bool WrongSilo() => On && _random.Chance(_wrongSilo);

    public bool StoreFails() => On && _random.Chance(_store);

    public long MessageDelay() => On && _random.Chance(_slow) ? _random.Between(500, 30_000) : _random.Between(1, 60);

    public long StoreDelay() => On && _random.Chance(_storeSlow) ? _random.Between(500, 15_000) : _random.Between(2, 40);

    /// <summary>Some seeds are calm in one respect, some are wild.</summary>
    private int Rate(int most) => _random.Below(4) == 0 ? 0 : _random.Below(most);
}
