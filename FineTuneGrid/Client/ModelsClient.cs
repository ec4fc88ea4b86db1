using FineTuneGrid.Contracts.Models;

namespace FineTuneGrid.Client;

/// <summary>Base models.</summary>
public sealed class ModelsClient
{
    private readonly GridTransport _transport;
    private readonly AssetUploads _uploads;

    internal ModelsClient(GridTransport transport, FileTransfer files) => (_transport, _uploads) = (transport, new AssetUploads(transport, files, "models"));

    /// <summary>Uploads a Hugging Face folder and commits it. The commit inspects it and refuses what cannot work.</summary>
    /// <param name="files">The folder's files to take, by their paths in it; null: those of its own level that are no pickles and not hidden.</param>
    public Task<ModelView> AddAsync(
        string name, string folder, IReadOnlyList<string>? files = null, string? org = null, string? license = null, CancellationToken ct = default)
    {
        files ??= [.. Directory.EnumerateFiles(folder).Select(f => Path.GetFileName(f)).Where(f => f[0] != '.' && !Pickles.Is(f)).Order(StringComparer.Ordinal)];
        return _uploads.AddAsync<ModelView>(name, [.. files.Select(f => (f, Path.Combine(folder, f)))], org, license, ct);
    }

    public Task<ModelView> GetAsync(string name, CancellationToken ct = default) => _transport.GetAsync<ModelView>(_uploads.Of(name), ct);

    public IAsyncEnumerable<ModelView> ListAsync(CancellationToken ct = default) => _transport.ListAsync<ModelView>(_uploads.Root, ct);

    public Task DeleteAsync(string name, CancellationToken ct = default) => _transport.DeleteAsync(_uploads.Of(name), ct);
}
