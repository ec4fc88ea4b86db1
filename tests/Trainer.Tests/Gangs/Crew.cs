using FineTuneGrid.TrainerSupport;

namespace FineTuneGrid.Trainer.Tests.Gangs;

/// <summary>Four trainers that work at one job after another, alone or together.</summary>
public sealed class Crew : IAsyncLifetime
{
    internal TestStore Store { get; } = new();

    internal IReadOnlyList<FakeAgent> Trainers { get; private set; } = [];

    public async Task InitializeAsync() => Trainers = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => FakeAgent.StartAsync(Store, leaseSeconds: 600)));

    public async Task DisposeAsync()
    {
        foreach (var trainer in Trainers) await trainer.DisposeAsync();
        Store.Dispose();
    }
}
