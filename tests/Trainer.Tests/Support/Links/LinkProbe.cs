using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace FineTuneGrid.TrainerSupport.Links;

/// <summary>What a link of two networks turns out to be, measured with a TCP connection of our own.</summary>
/// <param name="RoundTripMs">Median of a byte there and back.</param>
/// <param name="RateMbit">Of the content's last three quarters: the connection finds the rate in the first.</param>
internal sealed record LinkProbe(double RoundTripMs, double RateMbit)
{
    private const int Rounds = 9;

    public static LinkProbe Of(SlowLink link, bool slow, int bytes = 16 << 20)
    {
        var address = IPAddress.Parse(SlowLink.Address(0, slow));
        using var listener = link.Side(0).Enter(() =>
        {
            var open = new TcpListener(address, 0);
            open.Start();
            return open;
        });
        using var there = link.Side(1).Enter(() => new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true });
        there.Connect(listener.LocalEndpoint);
        using var here = listener.AcceptSocket();
        here.NoDelay = true;
        var trips = new List<double>();
        for (var i = 0; i < Rounds; i++) trips.Add(Trip(here, there));
        return new LinkProbe(trips.Order().ElementAt(Rounds / 2), Rate(here, there, bytes));
    }

    private static double Trip(Socket here, Socket there)
    {
        var one = new byte[1];
        var started = Stopwatch.GetTimestamp();
        here.Send(one);
        there.Receive(one);
        there.Send(one);
        here.Receive(one);
        return Stopwatch.GetElapsedTime(started).TotalMilliseconds;
    }

    private static double Rate(Socket here, Socket there, int bytes)
    {
        var sending = Task.Run(() =>
        {
            using var stream = new NetworkStream(here, ownsSocket: false);
            stream.Write(new byte[bytes]);
        });
        var buffer = new byte[64 << 10];
        var got = 0;
        while (got < bytes / 4) got += there.Receive(buffer);
        var (first, started) = (got, Stopwatch.GetTimestamp());
        while (got < bytes) got += there.Receive(buffer);
        var seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        sending.GetAwaiter().GetResult();
        return (got - first) * 8e-6 / seconds;
    }
}
