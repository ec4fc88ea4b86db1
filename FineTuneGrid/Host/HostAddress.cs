using System.Net;
using System.Net.Sockets;

namespace FineTuneGrid.Host;

/// <summary>The address that a name stands for when the process starts: containers know their names, not their addresses.</summary>
internal static class HostAddress
{
    /// <summary>An address as it is, else the name's first one, IPv4 before IPv6; null where it has none.</summary>
    public static IPAddress? Find(string text)
    {
        if (IPAddress.TryParse(text, out var address)) return address;
        try
        {
            var found = Dns.GetHostAddresses(text);
            return found.FirstOrDefault(a => a.AddressFamily == AddressFamily.InterNetwork) ?? found.FirstOrDefault();
        }
        catch (Exception e) when (e is SocketException or ArgumentException)
        {
            return null;
        }
    }
}
