using System.Globalization;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Adapters;

namespace FineTuneGrid.Client;

/// <summary>Adapters: the results of jobs.</summary>
public sealed class AdaptersClient
{
    private readonly GridTransport _transport;
    private readonly FileTransfer _files;

    internal AdaptersClient(GridTransport transport, FileTransfer files) => (_transport, _files) = (transport, files);

    /// <param name="adapter"><c>org/name</c>.</param>
    public Task<AdapterView> GetAsync(string adapter, CancellationToken ct = default) => _transport.GetAsync<AdapterView>(Of(adapter), ct);

    public IAsyncEnumerable<AdapterView> ListAsync(CancellationToken ct = default) => _transport.ListAsync<AdapterView>("api/v1/adapters", ct);

    /// <summary>Downloads a version: a PEFT folder. Every file is held against its digest; what is there whole is not fetched again.</summary>
    /// <param name="version">Null: the newest.</param>
    /// <returns>The version that was pulled.</returns>
    /// <exception cref="TransferException">A file's bytes are not those that were announced.</exception>
    public async Task<AdapterVersionView> PullAsync(string adapter, string? version, string folder, CancellationToken ct = default)
    {
        var view = await GetAsync(adapter, ct);
        var found = version is null
            ? view.Versions.MaxBy(v => int.Parse(v.Version, CultureInfo.InvariantCulture))
            : view.Versions.FirstOrDefault(v => v.Version == version);
        if (found is null) throw new GridException(ErrorCodes.NotFound, $"{adapter} has no version '{version ?? "newest"}'.", "version");
        foreach (var file in found.Files)
        {
            var path = SafePath.Check(file.Path);
            await _files.DownloadAsync($"{Of(adapter)}/versions/{found.Version}/files/{SafePath.Escape(path)}", Path.Combine(folder, path), file.Length, file.Sha256, path, ct);
        }
        return found;
    }

    /// <summary>Deletes an adapter, or one version of it.</summary>
    public Task DeleteAsync(string adapter, string? version = null, CancellationToken ct = default) =>
        _transport.DeleteAsync(Of(adapter) + (version is null ? "" : $"?version={Uri.EscapeDataString(version)}"), ct);

    private static string Of(string adapter)
    {
        var reference = AdapterRef.Parse(adapter, "adapter");
        return $"api/v1/adapters/{reference.Org}/{reference.Name}";
    }
}
