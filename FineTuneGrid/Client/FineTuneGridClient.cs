namespace FineTuneGrid.Client;

/// <summary>
/// A grid, as its users drive it. Safe for concurrent use; keep one. Every method throws <see cref="Contracts.GridException"/> where the
/// grid refuses, with its code and the field at fault, and <see cref="HttpRequestException"/> where it does not answer.
/// </summary>
public sealed class FineTuneGridClient : IDisposable
{
    private readonly GridTransport _transport;

    /// <param name="address">Such as <c>http://127.0.0.1:5080</c>.</param>
    /// <param name="apiKey">Of the form <c>ftg_...</c>.</param>
    /// <param name="handler">For proxies, certificates and tests; stays the caller's.</param>
    /// <param name="progress">Told how far transfers of files are.</param>
    public FineTuneGridClient(Uri address, string? apiKey, HttpMessageHandler? handler = null, TransferProgress? progress = null)
    {
        if (!address.IsAbsoluteUri || address.Scheme is not ("http" or "https")) throw new ArgumentException($"not an http(s) address: {address}", nameof(address));
        _transport = new GridTransport(address, apiKey, handler);
        var files = new FileTransfer(_transport.SendAsync, progress ?? TransferProgress.None);
        Jobs = new JobsClient(_transport);
        Models = new ModelsClient(_transport, files);
        Datasets = new DatasetsClient(_transport, files);
        Adapters = new AdaptersClient(_transport, files);
    }

    public JobsClient Jobs { get; }

    public ModelsClient Models { get; }

    public DatasetsClient Datasets { get; }

    public AdaptersClient Adapters { get; }

    public void Dispose() => _transport.Dispose();
}
