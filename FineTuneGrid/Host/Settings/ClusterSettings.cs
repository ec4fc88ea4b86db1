using System.Globalization;
using System.Net;
using FineTuneGrid.Silo;
using Microsoft.Extensions.Configuration;

namespace FineTuneGrid.Host;

/// <summary>What silos of one cluster have in common, and where this one is reached. The command line wins for ports and address.</summary>
internal sealed record ClusterSettings(
    string? Redis = null, string ServiceId = GridSiloExtensions.ServiceId, string ClusterId = GridSiloExtensions.ServiceId,
    int? SiloPort = null, int? GatewayPort = null, IPAddress? Advertise = null, string? Secrets = null)
{
    private const int LongestId = 64;
    private const int RedisPort = 6379;

    /// <summary>The first server of the Redis setting.</summary>
    public (string Host, int Port) RedisServer => Server(Redis!) ?? throw SettingKeys.Bad(SettingKeys.Redis, NoServer);

    private const string NoServer = "names no server; it is HOST:PORT and options, such as redis:6379,password=...,ssl=true";

    public static ClusterSettings Read(IConfiguration section)
    {
        var secrets = SettingKeys.Text(section, SettingKeys.Secrets);
        if (secrets is not null && !Directory.Exists(secrets)) throw SettingKeys.Bad(SettingKeys.Secrets, $"names no folder: {secrets}");
        var redis = SettingKeys.Text(section, SettingKeys.Redis);
        if (redis is not null && Server(redis) is null) throw SettingKeys.Bad(SettingKeys.Redis, NoServer);
        return new ClusterSettings(
            redis, Id(section, SettingKeys.ServiceId), Id(section, SettingKeys.ClusterId), Port(section, SettingKeys.SiloPort), Port(section, SettingKeys.GatewayPort),
            Address(section), secrets);
    }

    private static (string Host, int Port)? Server(string redis)
    {
        var first = redis.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).FirstOrDefault(part => !part.Contains('='));
        return first is not null && Uri.TryCreate("redis://" + first, UriKind.Absolute, out var uri) ? (uri.DnsSafeHost, uri.Port > 0 ? uri.Port : RedisPort) : null;
    }

    private static string Id(IConfiguration section, string key)
    {
        var id = SettingKeys.Text(section, key) ?? GridSiloExtensions.ServiceId;
        return id.Length <= LongestId && id.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.')
            ? id
            : throw SettingKeys.Bad(key, $"must be at most {LongestId} letters, digits, '-', '_' and '.', not '{id}'");
    }

    private static int? Port(IConfiguration section, string key)
    {
        if (SettingKeys.Text(section, key) is not { } text) return null;
        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port is > 0 and < 65536
            ? port
            : throw SettingKeys.Bad(key, $"must be a port from 1 to 65535, not '{text}'");
    }

    private static IPAddress? Address(IConfiguration section)
    {
        if (SettingKeys.Text(section, SettingKeys.Advertise) is not { } text) return null;
        return HostAddress.Find(text) ?? throw SettingKeys.Bad(SettingKeys.Advertise, $"must be an IP address or a name that has one, not '{text}'");
    }
}
