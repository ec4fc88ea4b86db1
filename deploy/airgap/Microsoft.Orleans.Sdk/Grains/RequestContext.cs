namespace Orleans.Runtime;

/// <summary>Values that travel with a call and with the calls made on its behalf.</summary>
public static class RequestContext
{
    private const string ReentrancyKey = "#CCR";

    // Never changed in place: a copy replaces it, so that other flows keep what they saw.
    private static readonly AsyncLocal<Dictionary<string, object>?> Values = new();

    public static IEnumerable<string> Keys => Values.Value?.Keys ?? Enumerable.Empty<string>();

    public static IEnumerable<KeyValuePair<string, object>> Entries => Values.Value ?? Enumerable.Empty<KeyValuePair<string, object>>();

    /// <summary>The call chain that may re-enter the grains on its path, or <see cref="Guid.Empty"/>.</summary>
    public static Guid ReentrancyId
    {
        get => Get(ReentrancyKey) is Guid id ? id : Guid.Empty;
        set
        {
            if (value == Guid.Empty)
                Remove(ReentrancyKey);
            else
                Set(ReentrancyKey, value);
        }
    }

    public static object? Get(string key) => Values.Value is { } values && values.TryGetValue(key, out var value) ? value : null;

    public static void Set(string key, object value) =>
        Values.Value = new Dictionary<string, object>(Values.Value ?? []) { [key] = value };

    public static bool Remove(string key)
    {
        if (Values.Value is not { } values || !values.ContainsKey(key))
            return false;
        var rest = new Dictionary<string, object>(values);
        rest.Remove(key);
        Values.Value = rest.Count == 0 ? null : rest;
        return true;
    }

    public static void Clear() => Values.Value = null;

    /// <summary>Lets calls made in this section come back to the current grain while it waits for them.</summary>
    public static ReentrancySection AllowCallChainReentrancy()
    {
        var original = ReentrancyId;
        return new ReentrancySection(original, original == Guid.Empty ? Guid.NewGuid() : original);
    }

    public static ReentrancySection SuppressCallChainReentrancy() => new(ReentrancyId, Guid.Empty);

    internal static Dictionary<string, object>? Export() => Values.Value;

    internal static void Import(Dictionary<string, object>? values) => Values.Value = values;

    internal static Guid GetReentrancyId(Dictionary<string, object>? values) =>
        values is not null && values.TryGetValue(ReentrancyKey, out var value) && value is Guid id ? id : Guid.Empty;

    /// <summary>Ends call-chain reentrancy when disposed.</summary>
    public readonly struct ReentrancySection : IDisposable
    {
        private readonly Guid _original;
        private readonly Guid _current;

        public ReentrancySection(Guid originalReentrancyId, Guid newReentrancyId)
        {
            _original = originalReentrancyId;
            _current = newReentrancyId;
            if (newReentrancyId != originalReentrancyId)
                ReentrancyId = newReentrancyId;
            if (newReentrancyId != Guid.Empty)
                (RuntimeContext.Current as ICallChainReentrant)?.EnterSection(newReentrancyId);
        }

        public void Dispose()
        {
            if (_current != Guid.Empty)
                (RuntimeContext.Current as ICallChainReentrant)?.LeaveSection(_current);
            if (_current != _original)
                ReentrancyId = _original;
        }
    }
}

/// <summary>An activation that counts the call chains allowed to re-enter it.</summary>
internal interface ICallChainReentrant
{
    void EnterSection(Guid id);

    void LeaveSection(Guid id);
}
