using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Training;
using FineTuneGrid.Models.Loading;
using FineTuneGrid.Native;
using static TorchSharp.torch;

namespace FineTuneGrid.Trainer.Gangs;

/// <summary>What all workers do at a step boundary because one of them was told to.</summary>
/// <param name="Checkpoint">Worker 0 commits first.</param>
internal sealed record Departure(bool Checkpoint, string Reason);

/// <summary>
/// One trainer's part in a gang: meets the others, shares worker 0's state with them, and agrees with them at the end of each step
/// whether they go on. Every worker calls the same methods in the same order.
/// </summary>
/// <param name="guard">Throws where the lease is over; called while the others are waited for.</param>
internal sealed class Gang(TrainingOrder order, Action guard, TimeProvider time) : IDisposable
{
    /// <summary>For one connection; the other end is known to listen.</summary>
    private static readonly TimeSpan ConnectLimit = TimeSpan.FromSeconds(30);

    /// <summary>From when this worker is ready until the last one is: they may start on cold machines, and load a large model.</summary>
    private static readonly TimeSpan GatherLimit = TimeSpan.FromMinutes(10);

    private static readonly TimeSpan GatherPatience = TimeSpan.FromMilliseconds(100);

    /// <summary>Of a row: the step, and what its worker was asked for.</summary>
    private const int HeadBytes = 2 * sizeof(int);

    private readonly GangMembership _membership = order.Gang!;
    private WorkerGroup? _group;
    private long _readySince;
    private Departure? _asked;

    public int Rank => _membership.Rank;

    public int Size => _membership.Size;

    public bool IsFirst => Rank == 0;

    public bool HasMet { get; private set; }

    /// <summary>What the workers agreed on at the end of the last step; null: they go on.</summary>
    public Departure? Agreed { get; private set; }

    private WorkerGroup Group => _group ?? throw new InvalidOperationException("the gang has not been opened");

    /// <summary>Null where the order is for one worker.</summary>
    /// <exception cref="GridException"><c>invalid_request</c> or <c>invalid_spec</c>: the order cannot be carried out by a gang, or not here.</exception>
    public static Gang? Of(TrainingOrder order, Action guard, TimeProvider time)
    {
        order.Gang?.Check();
        if (order.Gang is not { Size: > 1 }) return null;
        CheckPossible();
        return new Gang(order, guard, time);
    }

    /// <exception cref="GridException"><c>invalid_spec</c>: several workers are not possible on this machine.</exception>
    public static void CheckPossible() => GridNative.Require("resources.workers", "Several workers");

    /// <summary>Worker 0 opens the meeting point and tells of it; the others go there.</summary>
    public void Open(Action<TrainerReport> report)
    {
        var (meeting, port) = IsFirst ? (_membership.Host, 0) : _membership.MeetingPoint();
        var name = $"{order.JobId}/{order.Epoch}/";
        var silence = TimeSpan.FromSeconds(_membership.SilenceSeconds);
        _group = WorkerGroup.Open(new GroupMembership(name, Rank, Size, meeting, port, _membership.Host), ConnectLimit, silence, guard);
        if (IsFirst) report(new JobMeeting(order.JobId, order.Epoch, _membership.Host, _group.Port));
    }

    /// <summary>Waits a moment for the others. True when all have met.</summary>
    public bool Meet()
    {
        if (HasMet) return true;
        if (_readySince == 0) _readySince = time.GetTimestamp();
        if (!Group.Gather(GatherPatience))
        {
            if (time.GetElapsedTime(_readySince) > GatherLimit)
                throw new GridException(ErrorCodes.GangBroken, $"Worker {Rank} of {Size} waited {GatherLimit.TotalMinutes} minutes for the others, who did not all come.");
            return false;
        }
        Group.Connect(ConnectLimit);
        HasMet = true;
        return true;
    }

    /// <summary>To leave at the next step boundary. False where the gang has not met: this worker may go at once.</summary>
    public bool Ask(Departure departure)
    {
        if (HasMet) _asked ??= departure;
        return HasMet;
    }

    /// <summary>Everyone's row of numbers, by rank, and with them what everyone was asked for.</summary>
    /// <param name="step">Steps done; the same for all.</param>
    public double[][] EndStep(int step, ReadOnlySpan<double> mine) =>
        [.. EndMeeting(step, BeginMeeting(step, MemoryMarshal.AsBytes(mine))).Select(r => MemoryMarshal.Cast<byte, double>(r.Span).ToArray())];

    /// <summary>Starts to exchange bytes, of which everyone gives as many, and what everyone was asked for.</summary>
    /// <param name="step">Steps done; the same for all.</param>
    public Collective BeginMeeting(int step, ReadOnlySpan<byte> mine)
    {
        using var scope = NewDisposeScope();
        var row = new byte[HeadBytes + mine.Length];
        BinaryPrimitives.WriteInt32LittleEndian(row, step);
        BinaryPrimitives.WriteInt32LittleEndian(row.AsSpan(sizeof(int)), _asked is null ? 0 : _asked.Checkpoint ? 1 : 2);
        mine.CopyTo(row.AsSpan(HeadBytes));
        var (one, all) = (zeros(row.Length, ScalarType.Byte), zeros((long)row.Length * Size, ScalarType.Byte));
        one.bytes = row;
        return Group.BeginAllGather(all.DetachFromDisposeScope(), one.DetachFromDisposeScope());
    }

    /// <summary>Everyone's bytes, by rank.</summary>
    /// <param name="step">Of the meeting's beginning.</param>
    public IReadOnlyList<ReadOnlyMemory<byte>> EndMeeting(int step, Collective meeting)
    {
        Group.Wait(meeting);
        var all = meeting.Output!.bytes.ToArray();
        meeting.Dispose();
        var width = all.Length / Size;
        var rows = Enumerable.Range(0, Size).Select(rank => (ReadOnlyMemory<byte>)all.AsMemory(rank * width, width)).ToList();
        var steps = rows.Select(r => BinaryPrimitives.ReadInt32LittleEndian(r.Span)).ToList();
        if (steps.Any(s => s != step)) throw new InvalidOperationException($"the workers stand at different steps: {string.Join(", ", steps)}");
        Agreed = Agree([.. rows.Select(r => BinaryPrimitives.ReadInt32LittleEndian(r.Span[sizeof(int)..]))]);
        return [.. rows.Select(r => r[HeadBytes..])];
    }

    public void AllToAll(Tensor output, ReadOnlySpan<long> outputCounts, Tensor input, ReadOnlySpan<long> inputCounts) =>
        Group.AllToAll(output, outputCounts, input, inputCounts);

    /// <summary>Starts to sum over all workers, in place.</summary>
    public Collective BeginAllReduce(Tensor tensor) => Group.BeginAllReduce(tensor);

    public void Wait(Collective collective) => Group.Wait(collective);

    public void AllGather(Tensor output, Tensor input) => Group.AllGather(output, input);

    /// <summary>Everyone's bytes, end to end in the order of the ranks; everyone gives as many.</summary>
    public byte[] AllGather(byte[] mine)
    {
        using var scope = NewDisposeScope();
        var (one, all) = (zeros(mine.Length, ScalarType.Byte), zeros((long)mine.Length * Size, ScalarType.Byte));
        one.bytes = mine;
        Group.AllGather(all, one);
        return all.bytes.ToArray();
    }

    /// <summary>Worker 0's bytes, for all.</summary>
    public byte[] Share(byte[]? bytes)
    {
        using var scope = NewDisposeScope();
        var length = tensor(new long[] { bytes?.Length ?? 0 });
        Group.Broadcast(length, 0);
        var content = zeros(length.data<long>()[0], ScalarType.Byte);
        if (bytes is not null) content.bytes = bytes;
        Group.Broadcast(content, 0);
        return content.bytes.ToArray();
    }

    /// <summary>Worker 0's values, for all. What all have already is not sent: a job that begins anew begins with the same values everywhere.</summary>
    public void Share(Tensor values)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        var host = values.cpu();
        var digests = AllGather(Convert.FromHexString(TensorBytes.Sha256(host))).Chunk(SHA256.HashSizeInBytes).ToArray();
        if (digests.All(d => d.AsSpan().SequenceEqual(digests[0]))) return;
        Group.Broadcast(host, 0);
        if (!IsFirst) values.copy_(host);
    }

    /// <summary>The last common act: nobody is in an exchange any more, so that each may end at its own time.</summary>
    public void Part()
    {
        Group.Barrier();
        Dispose();
    }

    public void Dispose()
    {
        _group?.Dispose();
        _group = null;
    }

    /// <summary>Worker 0's order counts most; else a commit is made if anyone was asked for one.</summary>
    private Departure? Agree(int[] asked)
    {
        var decisive = asked[0] != 0 ? asked[0] : asked.Contains(1) ? 1 : asked.Max();
        return decisive == 0 ? null : new Departure(decisive == 1, _asked?.Reason ?? "another worker of the gang was told to leave");
    }
}
