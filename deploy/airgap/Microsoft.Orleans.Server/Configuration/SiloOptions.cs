using System.Net;

namespace Orleans.Configuration;

/// <summary>Settings of one silo.</summary>
public class SiloOptions
{
    /// <summary>Default: a random name.</summary>
    public string? SiloName { get; set; }
}

/// <summary>Where a silo listens.</summary>
public class EndpointOptions
{
    public const int DEFAULT_SILO_PORT = 11111;

    public const int DEFAULT_GATEWAY_PORT = 30000;

    /// <summary>The address that others are told. Default here: loopback.</summary>
    public IPAddress? AdvertisedIPAddress { get; set; }

    public int SiloPort { get; set; } = DEFAULT_SILO_PORT;

    /// <summary>The port for clients; 0 for none.</summary>
    public int GatewayPort { get; set; } = DEFAULT_GATEWAY_PORT;

    public IPEndPoint? SiloListeningEndpoint { get; set; }

    /// <summary>Where to listen for clients. Default: the advertised address and gateway port.</summary>
    public IPEndPoint? GatewayListeningEndpoint { get; set; }
}

/// <summary>When idle activations are collected.</summary>
public class GrainCollectionOptions
{
    public static readonly TimeSpan DEFAULT_COLLECTION_QUANTUM = TimeSpan.FromMinutes(1);

    public static readonly TimeSpan DEFAULT_ACTIVATION_TIMEOUT = TimeSpan.FromSeconds(30);

    public static readonly TimeSpan DEFAULT_DEACTIVATION_TIMEOUT = TimeSpan.FromSeconds(30);

    /// <summary>How often idle activations are looked for. Default: 1 minute.</summary>
    public TimeSpan CollectionQuantum { get; set; } = DEFAULT_COLLECTION_QUANTUM;

    /// <summary>How long an activation may be idle. Default: 15 minutes. Must exceed the quantum.</summary>
    public TimeSpan CollectionAge { get; set; } = TimeSpan.FromMinutes(15);

    /// <summary>Ages of single classes, by their full names.</summary>
    public Dictionary<string, TimeSpan> ClassSpecificCollectionAge { get; set; } = [];

    /// <summary>Default: 30 seconds.</summary>
    public TimeSpan ActivationTimeout { get; set; } = DEFAULT_ACTIVATION_TIMEOUT;

    /// <summary>Default: 30 seconds.</summary>
    public TimeSpan DeactivationTimeout { get; set; } = DEFAULT_DEACTIVATION_TIMEOUT;
}
