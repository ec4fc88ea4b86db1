using System.Net;
using System.Net.Sockets;

namespace FineTuneGrid.Silo;

/// <summary>
/// A port for a listener that cannot take port 0. Taken below the range that systems give to outgoing connections (32768 and up on
/// Linux, 49152 and up elsewhere), so that none of those comes between the choice and the listening, or between a stop and a restart.
/// </summary>
public static class FreePort
{
    private const int First = 16_000;
    private const int End = 32_000;
    private const int Tries = 1_000;

    /// <summary>Nobody listens on it on any address; never the same twice in one process.</summary>
    /// <exception cref="IOException">None was found.</exception>
    public static int Take()
    {
        for (var i = 0; i < Tries; i++)
        {
            var port = Random.Shared.Next(First, End);
            lock (Taken)
            {
                if (!Taken.Contains(port) && IsFree(port) && Taken.Add(port)) return port;
            }
        }
        throw new IOException($"no free port from {First} to {End - 1} was found in {Tries} tries");
    }

    private static readonly HashSet<int> Taken = [];

    private static bool IsFree(int port)
    {
        using var listener = new TcpListener(IPAddress.Any, port);
        try
        {
            listener.Start();
            return true;
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.AddressAlreadyInUse or SocketError.AccessDenied)
        {
            return false;
        }
    }
}
