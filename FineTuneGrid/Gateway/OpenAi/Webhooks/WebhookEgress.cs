using System.Net;
using System.Net.Sockets;
using FineTuneGrid.Contracts;

namespace FineTuneGrid.Gateway.OpenAi.Webhooks;

/// <summary>
/// Where webhooks may go: public addresses, by https. A member of an organisation names them, and must not make the grid ask what
/// only the grid can reach. The hosts of a list may be anything, for those inside on purpose.
/// </summary>
/// <param name="hosts">Names or addresses that may be private and without TLS.</param>
public sealed class WebhookEgress(IReadOnlyList<string> hosts)
{
    private const int MaxUrl = 2000;

    /// <summary>Ranges of addresses that are no public hosts (IANA's special-purpose registries): prefix and its bits.</summary>
    private static readonly IPNetwork[] Special =
    [
        .. ((string[])["0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24",
            "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
            "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"]).Select(IPNetwork.Parse),
    ];

    private static readonly IPNetwork GlobalUnicast = IPNetwork.Parse("2000::/3");

    /// <exception cref="GridException"><c>invalid_value</c>: the address is none, or leads inside. Names are looked up when they are connected to.</exception>
    public Uri Check(string? url)
    {
        if (string.IsNullOrEmpty(url) || url.Length > MaxUrl || !Uri.TryCreate(url, UriKind.Absolute, out var address) || address.Scheme is not ("http" or "https")
            || address.UserInfo.Length > 0 || address.Fragment.Length > 0)
            throw Refuse($"must be an https address of at most {MaxUrl} characters, without user and fragment");
        if (IsListed(address.IdnHost)) return address;
        if (address.Scheme != Uri.UriSchemeHttps) throw Refuse("must be https");
        return IPAddress.TryParse(address.IdnHost, out var ip) && !IsPublic(ip) ? throw Refuse($"leads to {ip}, which is no public address") : address;
    }

    /// <summary>Of a host's addresses those that may be connected to.</summary>
    public IPAddress[] Allowed(string host, IEnumerable<IPAddress> addresses) => IsListed(host) ? [.. addresses] : [.. addresses.Where(IsPublic)];

    public static bool IsPublic(IPAddress address)
    {
        if (address.IsIPv4MappedToIPv6) address = address.MapToIPv4();
        return (address.AddressFamily == AddressFamily.InterNetwork || GlobalUnicast.Contains(address)) && !Special.Any(range => range.Contains(address));
    }

    private bool IsListed(string host) => hosts.Contains(host.Trim('[', ']'), StringComparer.OrdinalIgnoreCase);

    private static GridException Refuse(string what) => new(ErrorCodes.InvalidValue, $"url {what}.", "url");
}
