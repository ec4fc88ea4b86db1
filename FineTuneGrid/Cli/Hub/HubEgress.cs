using System.Net;

namespace FineTuneGrid.Cli.Hub;

/// <summary>Where a pull may connect to: https anywhere, plain http only to this machine or to a host that <c>FTG_HUB_HTTP_HOSTS</c> lists.</summary>
/// <param name="Endpoint">The Hub.</param>
/// <param name="HttpHosts">Hosts that may be spoken to without TLS.</param>
public sealed record HubEgress(Uri Endpoint, IReadOnlyList<string> HttpHosts)
{
    public const string DefaultEndpoint = "https://huggingface.co";

    /// <summary>The given endpoint, else <c>HF_ENDPOINT</c>, else the public Hub.</summary>
    public static HubEgress FromEnvironment(string? endpoint)
    {
        var text = endpoint ?? (Environment.GetEnvironmentVariable("HF_ENDPOINT") is { Length: > 0 } given ? given : DefaultEndpoint);
        if (!Uri.TryCreate(text, UriKind.Absolute, out var address) || address.Scheme is not ("http" or "https") || address.UserInfo.Length > 0 || address.Query.Length > 0)
            throw new CliException($"the endpoint is not an http(s) address: {text}", 2);
        var hosts = (Environment.GetEnvironmentVariable("FTG_HUB_HTTP_HOSTS") ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        var egress = new HubEgress(address, hosts);
        return egress.IsSecureEnough(address) ? egress
            : throw new CliException($"{address.GetLeftPart(UriPartial.Authority)} has no TLS; use https, or list the host in FTG_HUB_HTTP_HOSTS", 2);
    }

    /// <summary>Whether this is the Hub itself, which alone gets the token.</summary>
    public bool IsHub(Uri address) => Uri.Compare(address, Endpoint, UriComponents.SchemeAndServer, UriFormat.Unescaped, StringComparison.OrdinalIgnoreCase) == 0;

    /// <summary>The address that the Hub sends a request on to.</summary>
    /// <exception cref="CliException">It leads from the Hub to somewhere that no Hub should name.</exception>
    public Uri Follow(Uri from, Uri? location)
    {
        if (location is null) throw new CliException($"{from.Host} redirects to nowhere");
        var target = new Uri(from, location);
        // A Hub out there must not make us ask this machine or the network it is in.
        return IsHub(target) || (target.Scheme == Uri.UriSchemeHttps && !IsInside(target)) ? target
            : throw new CliException($"{from.Host} redirects to {target.GetLeftPart(UriPartial.Authority)}, which is neither the endpoint nor a public https address");
    }

    private bool IsSecureEnough(Uri address) =>
        address.Scheme == Uri.UriSchemeHttps || address.IsLoopback || HttpHosts.Contains(address.Host, StringComparer.OrdinalIgnoreCase);

    private static bool IsInside(Uri address)
    {
        if (address.IsLoopback || address.HostNameType == UriHostNameType.Dns) return address.IsLoopback || !address.Host.Contains('.');
        if (!IPAddress.TryParse(address.Host.Trim('[', ']'), out var ip)) return true;
        if (ip.IsIPv4MappedToIPv6) ip = ip.MapToIPv4();
        if (ip.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6) return ip.IsIPv6LinkLocal || ip.IsIPv6SiteLocal || ip.IsIPv6UniqueLocal || IPAddress.IsLoopback(ip);
        var b = ip.GetAddressBytes();
        return b[0] is 0 or 10 or 127 || (b[0] == 172 && b[1] is >= 16 and < 32) || (b[0] == 192 && b[1] == 168) || (b[0] == 169 && b[1] == 254) || (b[0] == 100 && b[1] is >= 64 and < 128);
    }
}
