using System.Collections.Concurrent;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Access;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Training;
using Orleans;
using Orleans.Runtime;

namespace FineTuneGrid.Gateway.Runs;

/// <summary>Completions by a node that keeps the base in memory; questions about one base go to one node while they follow each other.</summary>
public sealed class Completer(IGrainFactory grains, TaskRunner runner, TimeProvider time)
{
    /// <summary>After so long a node has let go of a base that nobody asked.</summary>
    private static readonly TimeSpan Residence = TimeSpan.FromMinutes(5);

    private const int MostPlaces = 1024;
    private const double ListenSeconds = 5;

    private readonly ConcurrentDictionary<string, Place> _places = new(StringComparer.Ordinal);

    private sealed record Place(string Node, DateTimeOffset LastUse);

    /// <summary>Asks, and waits for the whole. Cancelling ends it on the node.</summary>
    /// <param name="told">Called with what the completions grow by, in order, as far as it is heard; the whole begins with it.</param>
    /// <exception cref="GridException"><c>unavailable</c> where no node is alive; else what the task itself refused.</exception>
    public async Task<IReadOnlyList<Completion>> RunAsync(
        Principal caller, RunSubject subject, CompletionTask completion, Func<IReadOnlyList<CompletionPiece>, Task>? told, CancellationToken ct)
    {
        var org = caller.Org ?? "";
        var key = $"{org}/{subject.Model.Digest}";
        var (nodeId, task) = await runner.PlaceAsync(subject, PlaceOf(key));
        Remember(key, nodeId);
        var node = grains.GetGrain<INodeGrain>(nodeId);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var whole = node.Verify(task with { Completion = completion with { Stream = told is not null }, Org = org }, stop.Token);
        try
        {
            if (told is not null) await ListenAsync(node, task.TaskId, whole, told);
            var reply = await whole.WaitAsync(ct);
            return Checked(reply, completion);
        }
        catch
        {
            await stop.CancelAsync();
            throw;
        }
    }

    private static async Task ListenAsync(INodeGrain node, string taskId, Task whole, Func<IReadOnlyList<CompletionPiece>, Task> told)
    {
        while (!whole.IsCompleted)
        {
            var heard = node.Listen(taskId, ListenSeconds);
            if (await Task.WhenAny(heard, whole) == whole) return;
            try
            {
                if (await heard is { Count: > 0 } pieces) await told(pieces);
            }
            catch (Exception e) when (e is TimeoutException or OrleansException)
            {
                return; // What was not heard is in the whole.
            }
        }
    }

    private static IReadOnlyList<Completion> Checked(TrainerTaskReply reply, CompletionTask task)
    {
        if (reply.Error is { } error) throw error.ToException();
        // A node of an earlier version does not know what it was asked for.
        if (reply.Completions is not { } completions || completions.Count != task.Choices || completions.Any(c => c.Logprobs is null != task.Logprobs is null))
            throw new GridException(ErrorCodes.Unavailable, "The node that was asked is of a version that cannot do this; try again when all nodes are upgraded.");
        return completions;
    }

    private string? PlaceOf(string key) => _places.TryGetValue(key, out var place) && time.GetUtcNow() - place.LastUse < Residence ? place.Node : null;

    private void Remember(string key, string node)
    {
        if (_places.Count >= MostPlaces) _places.Clear(); // What it costs is a base that is loaded once more.
        _places[key] = new Place(node, time.GetUtcNow());
    }
}
