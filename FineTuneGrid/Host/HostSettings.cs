using Azure.Storage.Blobs;
using FineTuneGrid.Contracts;
using FineTuneGrid.Storage;
using Microsoft.Extensions.Configuration;

namespace FineTuneGrid.Host;

/// <summary>
/// What an installation is configured with besides the command line: <c>DATA/appsettings.json</c> under <c>FTG</c>, and environment
/// variables <c>FTG__SECTION__KEY</c>, which win.
/// </summary>
internal sealed record HostSettings(string? AzureBlob = null, string Container = "finetunegrid")
{
    private const string AzureBlobKey = "Storage:AzureBlob";
    private const string ContainerKey = "Storage:Container";

    private static readonly string[] Known = [AzureBlobKey, ContainerKey];

    // Longer than a trainer session lives: a node is drained and restarted more often than that.
    private static readonly TimeSpan SignatureLifetime = TimeSpan.FromDays(30);

    /// <exception cref="GridException">The file is not JSON, or a key is unknown.</exception>
    public static HostSettings Load(string data)
    {
        IConfiguration section;
        try
        {
            section = new ConfigurationBuilder().AddJsonFile(Path.Combine(data, "appsettings.json"), optional: true).AddEnvironmentVariables().Build().GetSection("FTG");
        }
        catch (InvalidDataException e)
        {
            throw new GridException(ErrorCodes.InvalidJson, $"{Path.Combine(data, "appsettings.json")} is not JSON: {e.InnerException?.Message ?? e.Message}", "appsettings.json", inner: e);
        }
        foreach (var (path, value) in section.AsEnumerable(makePathsRelative: true))
        {
            if (value is not null && !Known.Contains(path, StringComparer.OrdinalIgnoreCase))
                throw Bad(path, $"is not a setting; there are {string.Join(" and ", Known.Select(Variable))}");
        }
        return new HostSettings(Text(section, AzureBlobKey), Text(section, ContainerKey) ?? "finetunegrid");
    }

    /// <summary>The blob store, checked, and what child processes are given of it.</summary>
    /// <exception cref="GridException">The container cannot be reached or made with what the setting says.</exception>
    public async Task<(IBlobStore Store, BlobAccessIssuer Access)> OpenAsync(string data, TimeProvider time)
    {
        if (AzureBlob is null)
        {
            var root = Path.Combine(data, "blobs");
            return (new LocalBlobStore(root), BlobAccessIssuer.Local(root));
        }
        var cache = Path.Combine(data, "cache");
        try
        {
            var container = OpenContainer();
            var store = new AzureBlobStore(container, cache);
            if (container.CanGenerateSasUri) await store.EnsureContainerAsync();
            await store.StatAsync("grains/probe");
            return (store, BlobAccessIssuer.Azure(container, cache, time, SignatureLifetime));
        }
        catch (Exception e) when (e is FormatException or ArgumentException or IOException or Azure.RequestFailedException or AggregateException or GridException)
        {
            throw Bad(AzureBlobKey, $"does not lead to a container: {e.Message.Split('\n')[0].TrimEnd('.', '\r')}");
        }
    }

    private BlobContainerClient OpenContainer()
    {
        var options = new BlobClientOptions { Retry = { MaxRetries = 3, NetworkTimeout = TimeSpan.FromSeconds(100) } };
        return Uri.TryCreate(AzureBlob, UriKind.Absolute, out var address) && address.Scheme is "https" or "http"
            ? new BlobContainerClient(address, options)
            : new BlobContainerClient(AzureBlob, Container, options);
    }

    private static string? Text(IConfiguration section, string key) => section[key] is { Length: > 0 } text ? text : null;

    private static string Variable(string key) => "FTG__" + key.Replace(":", "__", StringComparison.Ordinal);

    private static GridException Bad(string key, string what) => new(ErrorCodes.InvalidValue, $"The setting {Variable(key)} {what}.", Variable(key));
}
