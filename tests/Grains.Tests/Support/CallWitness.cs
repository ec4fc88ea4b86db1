using System.Runtime.CompilerServices;
using System.Text.Json;
using FineTuneGrid.Contracts;
using FineTuneGrid.Silo;
using Orleans.Serialization.Cloning;

namespace FineTuneGrid.Grains.Tests.Support;

/// <summary>
/// Stands before the product's copier and shares the values that it would share, but remembers how each looked when it was sent. Whoever
/// changes a value afterwards, or frees what it stands on, is found out.
/// </summary>
internal sealed class CallWitness : IGeneralizedCopier
{
    private readonly Lock _gate = new();
    private readonly Dictionary<object, string> _sent = new(ReferenceComparer.Instance);

    public bool IsSupportedType(Type type) =>
        type is { IsAbstract: false, IsEnum: false, Namespace: { } name } && name.StartsWith("FineTuneGrid.Contracts", StringComparison.Ordinal) && ContractShape.IsImmutable(type);

    public object? DeepCopy(object? input, CopyContext context)
    {
        if (input is not null)
            Note(input);
        return input;
    }

    public ISet<string> Types()
    {
        lock (_gate)
            return _sent.Keys.Select(v => v.GetType().Name).ToHashSet();
    }

    /// <summary>Values that are no longer what they were, with both forms.</summary>
    public IReadOnlyList<string> Changed()
    {
        lock (_gate)
            return [.. from sent in _sent let now = TextOf(sent.Key) where now != sent.Value select $"{sent.Key.GetType().Name}: {sent.Value} -> {now}"];
    }

    private void Note(object value)
    {
        var text = TextOf(value);
        lock (_gate)
            _sent.TryAdd(value, text);
    }

    private static string TextOf(object value)
    {
        try
        {
            return JsonSerializer.Serialize(value, value.GetType(), GridJson.Options);
        }
        catch (ObjectDisposedException e)
        {
            return e.Message;
        }
    }

    private sealed class ReferenceComparer : IEqualityComparer<object>
    {
        public static readonly ReferenceComparer Instance = new();

        bool IEqualityComparer<object>.Equals(object? x, object? y) => ReferenceEquals(x, y);

        int IEqualityComparer<object>.GetHashCode(object value) => RuntimeHelpers.GetHashCode(value);
    }
}
