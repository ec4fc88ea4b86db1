using System.Collections.Concurrent;

namespace FineTuneGrid.Orleans.Tests.Support;

/// <summary>What grains did, and gates at which tests hold them: the events that tests wait for instead of time.</summary>
public sealed class Journal
{
    private readonly ConcurrentQueue<string> _entries = new();
    private readonly ConcurrentDictionary<string, TaskCompletionSource> _gates = new();

    public IReadOnlyCollection<string> Entries => _entries;

    public void Write(string entry)
    {
        _entries.Enqueue(entry);
        Open(entry);
    }

    public int Count(string entry) => _entries.Count(other => other == entry);

    public void Open(string gate) => Gate(gate).TrySetResult();

    public Task PassAsync(string gate) => Gate(gate).Task;

    public async Task ExpectAsync(string entry)
    {
        try
        {
            await Gate(entry).Task.WaitAsync(TimeSpan.FromSeconds(20));
        }
        catch (TimeoutException)
        {
            throw new TimeoutException($"Waited 20 s for \"{entry}\"; seen: {string.Join(", ", _entries)}");
        }
    }

    private TaskCompletionSource Gate(string name) =>
        _gates.GetOrAdd(name, static _ => new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
}
