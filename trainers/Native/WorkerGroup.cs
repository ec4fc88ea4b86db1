using System.Runtime.InteropServices;
using FineTuneGrid.Contracts;
using static TorchSharp.torch;

namespace FineTuneGrid.Native;

/// <param name="Name">Only workers of one name meet.</param>
/// <param name="Meeting">Host of the meeting point.</param>
/// <param name="Port">Of the meeting point; 0 for worker 0, who opens it.</param>
/// <param name="Host">By which the others reach this worker.</param>
public sealed record GroupMembership(string Name, int Rank, int Size, string Meeting, int Port, string Host);

/// <summary>
/// One worker's end of a group that computes together: libtorch's own collectives (c10d, Gloo) on tensors in host memory. Every
/// worker calls the same collectives in the same order, on one thread. A failure is final and throws <c>gang_broken</c>: the process
/// should end then, since what it had under way cannot be taken back.
/// </summary>
public sealed unsafe class WorkerGroup : IDisposable
{
    /// <summary>How often a wait looks after the caller's guard and after the other workers.</summary>
    private const int SliceMilliseconds = 500;

    private readonly int _silenceMilliseconds;
    private readonly Action _between;
    private nint _handle;
    private int _underWay;
    private bool _abandoned;

    private WorkerGroup(nint handle, GroupMembership membership, TimeSpan silence, Action between) =>
        (_handle, Membership, _silenceMilliseconds, _between) = (handle, membership, (int)silence.TotalMilliseconds, between);

    public GroupMembership Membership { get; }

    /// <summary>Of the meeting point.</summary>
    public int Port => Exports.gn_port(_handle);

    /// <summary>Opens the meeting point (worker 0), or connects to it.</summary>
    /// <param name="limit">For connecting.</param>
    /// <param name="silence">A worker that gives no sign of life for so long is lost.</param>
    /// <param name="between">Called about twice a second while a collective waits; what it throws ends the wait and the group.</param>
    /// <exception cref="GridException"><c>gang_broken</c>: the meeting point cannot be reached.</exception>
    public static WorkerGroup Open(GroupMembership membership, TimeSpan limit, TimeSpan silence, Action between)
    {
        var m = membership;
        var handle = Exports.gn_open(m.Name, m.Meeting, m.Port, m.Host, m.Rank, m.Size, (int)limit.TotalMilliseconds);
        return handle != 0
            ? new WorkerGroup(handle, m, silence, between)
            : throw new GridException(ErrorCodes.GangBroken, $"Worker {m.Rank} cannot {(m.Rank == 0 ? "open the meeting point" : $"reach the meeting point {m.Meeting}:{m.Port}")}: {Error()}");
    }

    /// <summary>Tells that this worker is ready. False where others are not after this long.</summary>
    public bool Gather(TimeSpan patience) => Checked(Exports.gn_gather(_handle, (int)patience.TotalMilliseconds)) == 1;

    /// <summary>Connects every worker with every other one.</summary>
    public void Connect(TimeSpan limit)
    {
        if (Exports.gn_connect(_handle, (int)limit.TotalMilliseconds) == 0) throw Broken(Error());
    }

    /// <summary>Every worker's <paramref name="input"/>, end to end in the order of their ranks.</summary>
    public void AllGather(Tensor output, Tensor input) => Wait(BeginAllGather(output, input));

    /// <summary>The same, beside what the caller does until it waits for it.</summary>
    public Collective BeginAllGather(Tensor output, Tensor input) => Begin(Exports.gn_all_gather(_handle, output.Handle, input.Handle), output, input);

    /// <summary>The first inputCounts[0] elements go to worker 0, the next ones to worker 1 ...; what comes is laid end to end likewise.</summary>
    public void AllToAll(Tensor output, ReadOnlySpan<long> outputCounts, Tensor input, ReadOnlySpan<long> inputCounts)
    {
        if (outputCounts.Length != Membership.Size || inputCounts.Length != Membership.Size)
            throw new ArgumentException($"one count for each of the {Membership.Size} workers is needed", nameof(outputCounts));
        fixed (long* outputs = outputCounts, inputs = inputCounts)
            Wait(Begin(Exports.gn_all_to_all(_handle, output.Handle, outputs, input.Handle, inputs), output, input));
    }

    /// <summary>The sum over all workers, in place. Its bits depend on their number.</summary>
    public void AllReduce(Tensor tensor) => Wait(BeginAllReduce(tensor));

    /// <summary>The same, beside what the caller does until it waits for it.</summary>
    public Collective BeginAllReduce(Tensor tensor) => Begin(Exports.gn_all_reduce(_handle, tensor.Handle), tensor, tensor);

    /// <summary>The root's values, in place.</summary>
    public void Broadcast(Tensor tensor, int root) => Wait(Begin(Exports.gn_broadcast(_handle, tensor.Handle, root), tensor, tensor));

    /// <summary>Returns when every worker has called it.</summary>
    public void Barrier() => Wait(Begin(Exports.gn_barrier(_handle), null, null));

    /// <summary>Returns when the collective is over. Several may be under way; each is waited for once.</summary>
    public void Wait(Collective collective)
    {
        // A work that did not come to its end is never given back: it keeps the memory alive that it may still write to.
        while (Checked(Exports.gn_wait(collective.Work, SliceMilliseconds)) == 0)
        {
            _abandoned = true;
            _between();
            CheckSigns();
            _abandoned = false;
        }
        _ = Exports.gn_forget(collective.Work);
        _underWay--;
        GC.KeepAlive(collective);
    }

    /// <summary>Ends the connections; what the others still have under way with this worker fails. A broken group is left as it is, and so is one with a collective under way.</summary>
    public void Dispose()
    {
        if (_handle == 0 || _abandoned || _underWay > 0) return;
        _ = Exports.gn_close(_handle);
        _handle = 0;
    }

    private Collective Begin(nint work, Tensor? output, Tensor? input)
    {
        if (work == 0) throw Broken(Error());
        _underWay++;
        return new Collective(work, output, input);
    }

    private void CheckSigns()
    {
        var silent = Exports.gn_silent(_handle, _silenceMilliseconds);
        if (silent < -1) throw Broken(Error());
        if (silent >= 0) throw Broken($"worker {silent} gave no sign of life for {_silenceMilliseconds / 1000.0:0.#} s");
    }

    private int Checked(int result) => result >= 0 ? result : throw Broken(Error());

    private GridException Broken(string why)
    {
        _abandoned = true;
        return new GridException(ErrorCodes.GangBroken, $"Worker {Membership.Rank} of {Membership.Size} lost its gang: {why}");
    }

    private static string Error() => Marshal.PtrToStringUTF8(Exports.gn_take_error()) ?? "no reason was given";
}
