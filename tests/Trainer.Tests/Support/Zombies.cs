using System.Runtime.InteropServices;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Training;
using FineTuneGrid.Storage;

namespace FineTuneGrid.TrainerSupport;

/// <param name="StoppedAt">The last step that it had committed when its successor's epoch began.</param>
/// <param name="SuccessorAt">The last step that the successor had committed when the job left it.</param>
/// <param name="RefusedByTheStore">Its late commit came to the store; else its own lease ended it before.</param>
/// <param name="Violation">What should not be so, or null.</param>
internal sealed record Zombie(long StoppedAt, long SuccessorAt, bool RefusedByTheStore, string? Violation);

/// <summary>
/// Trainers that are stopped (SIGSTOP) at a random moment while they step and commit, are taken for dead, and go on (SIGCONT) when a
/// successor of the next epoch has committed.
/// </summary>
/// <param name="leaseSeconds">The trainers' own lease, which ends while they stand still; null: they believe in theirs, and nothing but the store is in their way.</param>
internal sealed partial class Zombies(TestStore store, int seed, double? leaseSeconds = null) : IAsyncDisposable
{
    private const int Stop = 19;
    private const int Continue = 18;

    /// <summary>Longer than a step with its commit takes.</summary>
    private const double MomentMilliseconds = 25;

    private readonly Random _random = new(seed);
    private FakeAgent? _zombie;
    private FakeAgent? _successor;
    private int _number;

    public async Task<Zombie> NextAsync()
    {
        var jobId = $"job-zombie-{++_number}";
        _zombie ??= leaseSeconds is { } seconds ? await FakeAgent.StartAsync(store, seconds) : await FakeAgent.StartAsync(store, leaseSeconds: 3600);
        _successor ??= await FakeAgent.StartAsync(store, leaseSeconds: 3600);
        await BeginAsync(_zombie, jobId, epoch: 1);
        var committed = _random.Next(1, 5);
        await _zombie.UntilAsync<JobCommitted>(c => c.JobId == jobId && c.Step >= committed);
        await Task.Delay(TimeSpan.FromMilliseconds(_random.NextDouble() * MomentMilliseconds)); // Not to wait for anything: to hit any moment of a step.
        Signal(_zombie, Stop);
        if (leaseSeconds is { } lease) await Task.Delay(TimeSpan.FromSeconds(lease)); // Its lease is over when it goes on: this is what is tested.

        await BeginAsync(_successor, jobId, epoch: 2);
        var fenced = await HeadAsync(jobId);
        await _successor.UntilAsync<JobCommitted>(c => c.JobId == jobId);
        Signal(_zombie, Continue);
        var refused = await EndOfZombieAsync(jobId);

        await _successor.SendAsync(new Detach(jobId, 2, Checkpoint: true, "seen"));
        var left = await _successor.UntilAsync<JobDetached>(d => d.JobId == jobId);
        await _successor.AcknowledgeAsync();
        return new Zombie(fenced.Step, left.CommittedStep ?? 0, refused, await ViolationAsync(jobId, fenced, left.CommittedStep));
    }

    public async ValueTask DisposeAsync()
    {
        if (_zombie is not null) await _zombie.DisposeAsync();
        if (_successor is not null) await _successor.DisposeAsync();
    }

    private async Task BeginAsync(FakeAgent agent, string jobId, int epoch)
    {
        var order = store.Order(jobId, epoch, json =>
        {
            json["optimizer"]!["epochs"] = 20_000;
            json["checkpoint"]!["every_steps"] = 1;
        });
        await store.FenceAsync(order);
        await agent.SendAsync(new Attach(order));
    }

    /// <summary>True where the store refused a commit; false where its lease ended the process.</summary>
    private async Task<bool> EndOfZombieAsync(string jobId)
    {
        var zombie = _zombie!;
        if (leaseSeconds is null)
        {
            var left = await zombie.UntilAsync<JobDetached>(d => d.JobId == jobId);
            await zombie.AcknowledgeAsync();
            return left.Reason == ErrorCodes.Fenced;
        }
        var code = await zombie.ExitAsync();
        await zombie.DisposeAsync();
        _zombie = null;
        return code == TrainerProtocol.LeaseLostExitCode ? false : throw new InvalidOperationException($"a trainer whose lease was over ended with code {code}");
    }

    private async Task<string?> ViolationAsync(string jobId, CheckpointHead fenced, int? left)
    {
        var head = await HeadAsync(jobId);
        var older = head.Recent.SkipWhile(r => r.Epoch == 2).ToList();
        if (head.Epoch != 2) return $"the job is in epoch {head.Epoch}, not 2";
        if (!older.SequenceEqual(fenced.Recent.Take(older.Count))) return "a commit of the older epoch came after the newer one began";
        var restored = await new CheckpointStore(store.Blobs, jobId).RestoreAsync();
        if (restored is not { Manifest: { Epoch: 2 } manifest, Skipped.Count: 0 }) return "the newest checkpoint is not one of the successor's, or was skipped";
        return manifest.Step == left ? null : $"step {manifest.Step} would be restored; the successor left at step {left}";
    }

    private async Task<CheckpointHead> HeadAsync(string jobId) => (await new CheckpointStore(store.Blobs, jobId).ReadHeadAsync())!.Head;

    private static void Signal(FakeAgent agent, int signal)
    {
        if (Kill(agent.Process.Id, signal) != 0) throw new InvalidOperationException($"the trainer {agent.Process.Id} has ended by itself");
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int pid, int signal);
}
