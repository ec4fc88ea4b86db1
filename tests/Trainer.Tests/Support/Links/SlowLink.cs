using System.Globalization;
using System.Text.Json;

namespace FineTuneGrid.TrainerSupport.Links;

/// <param name="RateMbit">Of each direction.</param>
/// <param name="DelayMs">Each way.</param>
internal sealed record LinkShape(double RateMbit, double DelayMs);

/// <summary>
/// Two networks on this machine that two links join. The slow one: a TUN interface on each side with a token bucket on what it sends
/// (tc tbf), and a program between the two that keeps every packet for the delay; it needs no netem, which many kernels lack. The
/// fast one is a veth pair, as it is.
/// </summary>
internal sealed class SlowLink : IDisposable
{
    private const string Prefix = "ftg";
    private const string Slow = "slow";
    private const string Fast = "fast";

    private static int _made;

    private readonly List<IDisposable> _parts = [];
    private readonly NetworkNamespace[] _sides = new NetworkNamespace[2];

    private SlowLink()
    {
    }

    /// <summary>Why there can be no such links on this machine; null where there can.</summary>
    public static string? Missing()
    {
        if (!OperatingSystem.IsLinux()) return "network namespaces are Linux's";
        if (Environment.UserName != "root") return "network namespaces need root";
        var lacking = ((string[])["ip", "tc"]).Where(p => !Programs().Any(folder => File.Exists(Path.Combine(folder, p)))).ToList();
        if (lacking.Count > 0) return $"'{string.Join("' and '", lacking)}' of iproute2 cannot be found";
        if (!File.Exists(TunPort.Device)) return $"{TunPort.Device} is not there: the kernel lacks the tun module, or the container may not use it";
        try
        {
            using var link = Create(new LinkShape(100, 0));
            return null;
        }
        catch (Exception e) when (e is InvalidOperationException or System.ComponentModel.Win32Exception)
        {
            return e.Message;
        }
    }

    public static SlowLink Create(LinkShape shape)
    {
        var link = new SlowLink();
        try
        {
            link.Build(shape);
            return link;
        }
        catch
        {
            link.Dispose();
            throw;
        }
    }

    /// <summary>Where a worker of this side runs.</summary>
    public NetworkNamespace Side(int side) => _sides[side];

    /// <summary>By which the other side reaches this one.</summary>
    public static string Address(int side, bool slow) => $"10.213.{(slow ? 0 : 1)}.{side + 1}";

    /// <summary>Bytes that both sides have sent on one of the links, headers included.</summary>
    public long SentBytes(bool slow) => _sides.Sum(s =>
    {
        using var json = JsonDocument.Parse(s.Ip("-j", "-s", "link", "show", "dev", slow ? Slow : Fast));
        return json.RootElement[0].GetProperty("stats64").GetProperty("tx").GetProperty("bytes").GetInt64();
    });

    /// <summary>Nothing comes through the slow link any more, and nobody is told.</summary>
    public void Cut() => _sides[1].Ip("link", "set", Slow, "down");

    public void Dispose()
    {
        _parts.Reverse();
        foreach (var part in _parts) part.Dispose();
        _parts.Clear();
    }

    private static string[] Programs() => [.. (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':'), "/usr/sbin", "/sbin"];

    /// <summary>Networks of programs that were killed are still there; nothing runs in them.</summary>
    private static void Sweep()
    {
        foreach (var name in NetworkNamespace.Run("ip", "netns", "list").Split('\n').Select(l => l.Split(' ')[0]))
        {
            if (name.Split('-') is [Prefix, var pid, _, _] && !Directory.Exists($"/proc/{pid}")) NetworkNamespace.Run("ip", "netns", "delete", name);
        }
    }

    private void Build(LinkShape shape)
    {
        Sweep();
        var name = $"{Prefix}-{Environment.ProcessId}-{Interlocked.Increment(ref _made)}";
        for (var side = 0; side < 2; side++) _parts.Add(_sides[side] = NetworkNamespace.Create($"{name}-{side}"));
        _sides[0].Ip("link", "add", Fast, "type", "veth", "peer", "name", Fast, "netns", _sides[1].Name);
        var ports = _sides.Select(s => s.Enter(() => TunPort.Create(Slow))).ToArray();
        _parts.AddRange(ports);
        foreach (var (side, number) in _sides.Select((s, n) => (s, n)))
        {
            foreach (var device in (string[])[Slow, Fast])
            {
                side.Ip("address", "add", $"{Address(number, device == Slow)}/24", "dev", device);
                side.Ip("link", "set", device, "up");
            }
            side.Tc("qdisc", "add", "dev", Slow, "root", "tbf", "rate", string.Create(CultureInfo.InvariantCulture, $"{shape.RateMbit:0.###}mbit"), "burst", "32kb", "latency", "400ms");
        }
        var delay = TimeSpan.FromMilliseconds(shape.DelayMs);
        _parts.Add(new PacketLane(ports[0], ports[1], delay));
        _parts.Add(new PacketLane(ports[1], ports[0], delay));
    }
}
