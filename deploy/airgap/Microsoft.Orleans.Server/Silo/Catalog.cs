using System.Collections.Concurrent;

namespace Orleans.Runtime;

/// <summary>The activations of this silo, at most one for each grain that takes requests.</summary>
internal sealed class Catalog(SiloRuntime silo, GrainClassMap classes)
{
    private readonly ConcurrentDictionary<GrainId, Activation> _activations = new();

    public ICollection<Activation> Activations => _activations.Values;

    public int Count => _activations.Count;

    public void Dispatch(Message message) => GetOrActivate(message.Target).Receive(message);

    public Activation? Find(GrainId id) => _activations.GetValueOrDefault(id);

    public void Remove(Activation activation) =>
        _activations.TryRemove(new KeyValuePair<GrainId, Activation>(activation.GrainId, activation));

    public async Task DeactivateAllAsync(CancellationToken cancellationToken)
    {
        var reason = new DeactivationReason(DeactivationReasonCode.ShuttingDown, "This process is terminating.");
        var all = _activations.Values.ToArray();
        foreach (var activation in all)
            activation.Deactivate(reason, cancellationToken);
        await Task.WhenAll(all.Select(activation => activation.Deactivated)).WaitAsync(cancellationToken);
    }

    private Activation GetOrActivate(GrainId id)
    {
        if (_activations.TryGetValue(id, out var existing))
            return existing;
        var created = new Activation(id, classes.Find(id.Type), silo);
        var winner = _activations.GetOrAdd(id, created);
        if (ReferenceEquals(winner, created))
            created.Start();
        else
            created.Discard();
        return winner;
    }
}
