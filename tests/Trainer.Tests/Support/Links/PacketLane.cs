using System.Collections.Concurrent;
using System.Diagnostics;

namespace FineTuneGrid.TrainerSupport.Links;

/// <summary>One direction of a cable: packets leave it in their order, each so long after it came.</summary>
internal sealed class PacketLane : IDisposable
{
    private const int LargestPacket = 65_536;
    private const int LookMilliseconds = 100;

    private readonly BlockingCollection<(long Due, byte[] Packet)> _underWay = [];
    private readonly TunPort _from;
    private readonly TunPort _to;
    private readonly long _delay;
    private readonly Thread[] _threads;
    private readonly ManualResetEventSlim _stop = new();

    /// <param name="delay">Of each packet.</param>
    public PacketLane(TunPort from, TunPort to, TimeSpan delay)
    {
        (_from, _to) = (from, to);
        _delay = (long)(delay.TotalSeconds * Stopwatch.Frequency);
        _threads = [new(Take) { IsBackground = true, Name = "lane in" }, new(Give) { IsBackground = true, Name = "lane out" }];
        foreach (var thread in _threads) thread.Start();
    }

    /// <summary>Ends its threads; the ports may be closed then.</summary>
    public void Dispose()
    {
        _stop.Set();
        foreach (var thread in _threads) thread.Join();
        _underWay.Dispose();
        _stop.Dispose();
    }

    private void Take()
    {
        var packet = new byte[LargestPacket];
        while (!_stop.IsSet)
        {
            var length = _from.Read(packet, LookMilliseconds);
            if (length > 0) _underWay.Add((Stopwatch.GetTimestamp() + _delay, packet[..length]));
        }
        _underWay.CompleteAdding();
    }

    private void Give()
    {
        foreach (var (due, packet) in _underWay.GetConsumingEnumerable())
        {
            var left = due - Stopwatch.GetTimestamp();
            // The delay itself, unless the lane ends first.
            if (_stop.Wait((int)Math.Ceiling(Math.Max(0, left) * 1000.0 / Stopwatch.Frequency))) return;
            _ = _to.Write(packet);
        }
    }
}
