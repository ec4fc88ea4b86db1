namespace Orleans.Runtime;

/// <summary>
/// Decides which waiting request of an activation may run beside those that run. Not thread-safe: its activation locks.
/// </summary>
internal sealed class RequestQueue(bool reentrant)
{
    private readonly List<Message> _waiting = [];
    private readonly List<Message> _running = [];
    private readonly Dictionary<Guid, int> _sections = [];
    private Message? _blocking;

    public int WaitingCount => _waiting.Count;

    public int RunningCount => _running.Count;

    public void Add(Message message) => _waiting.Add(message);

    /// <summary>Takes the first waiting request that may start now, and counts it as running.</summary>
    public bool TryStart(out Message message)
    {
        for (var i = 0; i < _waiting.Count; i++)
        {
            if (!MayRun(_waiting[i]))
                continue;
            message = _waiting[i];
            _waiting.RemoveAt(i);
            _running.Add(message);
            if (!message.IsAlwaysInterleave)
                _blocking ??= message;
            return true;
        }

        message = null!;
        return false;
    }

    public void Complete(Message message)
    {
        _running.Remove(message);
        if (ReferenceEquals(_blocking, message))
            _blocking = null;
    }

    public bool RemoveWaiting(Message message) => _waiting.Remove(message);

    public Message[] TakeWaiting()
    {
        Message[] taken = [.. _waiting];
        _waiting.Clear();
        return taken;
    }

    public void EnterSection(Guid id) => _sections[id] = _sections.GetValueOrDefault(id) + 1;

    public void LeaveSection(Guid id)
    {
        if (_sections.TryGetValue(id, out var count) && count > 1)
            _sections[id] = count - 1;
        else
            _sections.Remove(id);
    }

    private bool MayRun(Message message)
    {
        if (_running.Count == 0 || _blocking is null || message.IsAlwaysInterleave || reentrant)
            return true;
        if (_blocking.IsReadOnly && message.IsReadOnly)
            return true;
        return _sections.Count > 0 && message.ReentrancyId is var chain && chain != Guid.Empty && _sections.ContainsKey(chain);
    }
}
