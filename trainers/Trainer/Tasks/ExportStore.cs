using System.Diagnostics;
using System.Security.Cryptography;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Exports;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Storage;

namespace FineTuneGrid.Trainer.Tasks;

/// <summary>An export's place in the store: files under their digests, how far it is, and last the record of what is there.</summary>
/// <param name="prefix">Ends with a slash.</param>
/// <param name="guard">Throws where nobody waits any more.</param>
internal sealed class ExportStore(IBlobStore store, string prefix, Action guard)
{
    private static readonly TimeSpan ReportEvery = TimeSpan.FromSeconds(1);

    private long _reported;

    /// <summary>Says how far it is, at most once a second.</summary>
    public void Report(string stage, double done)
    {
        if (_reported != 0 && Stopwatch.GetElapsedTime(_reported) < ReportEvery)
            return;
        guard();
        _reported = Stopwatch.GetTimestamp();
        store.WriteJsonAsync(prefix + ExportProgress.FileName, new ExportProgress(stage, done), options: GridJson.Options).GetAwaiter().GetResult();
    }

    /// <summary>Every file of a folder, then the record.</summary>
    public async Task<ExportRecord> PublishAsync(string folder, ExportReport report)
    {
        var files = new List<SourceFile>();
        foreach (var path in Directory.EnumerateFiles(folder).Order(StringComparer.Ordinal))
        {
            guard();
            files.Add(await StoreAsync(path));
        }
        var record = new ExportRecord(files, report);
        await store.WriteJsonAsync(prefix + ExportRecord.FileName, record, options: GridJson.Options);
        await store.DeleteAsync(prefix + ExportProgress.FileName);
        return record;
    }

    private async Task<SourceFile> StoreAsync(string path)
    {
        await using var content = File.OpenRead(path);
        var sha = Convert.ToHexStringLower(await SHA256.HashDataAsync(content));
        content.Position = 0;
        await store.WriteAsync(prefix + sha, content);
        return new SourceFile(Path.GetFileName(path), prefix + sha, content.Length, sha);
    }
}
