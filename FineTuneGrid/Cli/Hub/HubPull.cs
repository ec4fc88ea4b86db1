using System.Security.Cryptography;
using System.Text;
using FineTuneGrid.Client;

namespace FineTuneGrid.Cli.Hub;

/// <summary>Brings a model from a Hub into a folder of this user's cache, where an interrupted pull goes on.</summary>
public sealed class HubPull(HubSource source, Output output, string endpoint)
{
    /// <param name="wanted">Which of all paths belong to the model.</param>
    /// <returns>The folder, to be deleted once it was used, and the files in it.</returns>
    public async Task<(string Folder, IReadOnlyList<(string Path, string File)> Files)> RunAsync(
        HubReference reference, Func<IReadOnlyList<string>, IReadOnlyList<string>> wanted, CancellationToken ct)
    {
        var commit = await source.CommitAsync(reference, ct);
        var files = await source.FilesAsync(reference.Repo, commit, ct);
        var names = wanted([.. files.Select(f => f.Path)]);
        output.Note($"{reference} is {commit}");
        var folder = FolderOf(reference.Repo, commit);
        var transfer = new FileTransfer((request, end) => source.SendAsync(request, end), output);
        var pulled = new List<(string, string)>();
        foreach (var file in files.Where(f => names.Contains(f.Path)))
        {
            var target = Path.Combine(folder, file.Path);
            await transfer.DownloadAsync(source.UrlOf(reference.Repo, commit, file.Path), target, file.Size, file.Digest, file.Path, ct, file.DigestAsync);
            pulled.Add((file.Path, target));
        }
        return (folder, pulled);
    }

    private string FolderOf(string repo, string commit)
    {
        var cache = Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData, Environment.SpecialFolderOption.Create);
        if (cache.Length == 0) throw new CliException("there is no home folder to download into; set HOME");
        var name = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{endpoint}\n{repo}\n{commit}")))[..32];
        return Path.Combine(cache, "finetunegrid", "hub", name);
    }
}
