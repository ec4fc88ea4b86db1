using FineTuneGrid.Contracts.Datasets;

namespace FineTuneGrid.Client;

/// <summary>Data sets.</summary>
public sealed class DatasetsClient
{
    private readonly GridTransport _transport;
    private readonly AssetUploads _uploads;

    internal DatasetsClient(GridTransport transport, FileTransfer files) => (_transport, _uploads) = (transport, new AssetUploads(transport, files, "datasets"));

    /// <summary>Uploads Parquet or JSONL files under their names and commits them. The commit inspects them.</summary>
    public Task<DatasetView> AddAsync(string name, IReadOnlyList<string> files, string? org = null, string? license = null, CancellationToken ct = default) =>
        _uploads.AddAsync<DatasetView>(name, [.. files.Select(f => (Path.GetFileName(f), f))], org, license, ct);

    public Task<DatasetView> GetAsync(string name, CancellationToken ct = default) => _transport.GetAsync<DatasetView>(_uploads.Of(name), ct);

    public IAsyncEnumerable<DatasetView> ListAsync(CancellationToken ct = default) => _transport.ListAsync<DatasetView>(_uploads.Root, ct);

    public Task DeleteAsync(string name, CancellationToken ct = default) => _transport.DeleteAsync(_uploads.Of(name), ct);
}
