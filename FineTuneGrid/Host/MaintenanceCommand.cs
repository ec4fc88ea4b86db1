using System.Globalization;
using System.Text;
using FineTuneGrid.Contracts;
using FineTuneGrid.Gateway.Access;
using FineTuneGrid.Grains.Backups;
using FineTuneGrid.Storage;
using FineTuneGrid.Storage.Backups;

namespace FineTuneGrid.Host;

/// <summary>Work on a store itself: backup beside a running grid, restore into an empty place, verification.</summary>
internal sealed record MaintenanceCommand(string Verb, string Folder, string Data, string? Snapshot, int? Keep)
{
    public const string Usage = """
        usage: FineTuneGrid.Host backup DIR --data DATA [--keep N]
               FineTuneGrid.Host restore DIR --data DATA [--snapshot ID]
               FineTuneGrid.Host verify-backup DIR [--snapshot ID]

          backup copies what is new to DIR, beside a running grid; --keep removes older snapshots
          restore fills an empty data directory, or the empty container that its settings name
          DIR holds the grid's secrets: guard it as the data directory itself
        """;

    private static readonly string[] Verbs = ["backup", "restore", "verify-backup"];

    private static readonly string[] Secrets = [AdminKey.FileName, GridSecrets.NodeKeyFile, GridSecrets.SigningFile, GatewaySecrets.PepperFile, GatewaySecrets.SessionFile];

    public static bool IsOne(IReadOnlyList<string> args) => args.Count > 0 && Verbs.Contains(args[0]);

    /// <exception cref="GridException">Names the argument at fault.</exception>
    public static MaintenanceCommand Parse(IReadOnlyList<string> args)
    {
        if (args.Count < 2 || args[1].StartsWith("--", StringComparison.Ordinal))
            throw Bad(args[0], "needs the folder of the backups");
        var command = new MaintenanceCommand(args[0], Path.GetFullPath(args[1]), "data", null, null);
        for (var i = 2; i < args.Count; i += 2)
        {
            var value = i + 1 < args.Count ? args[i + 1] : throw Bad(args[i], "needs a value");
            command = (args[i], command.Verb) switch
            {
                ("--data", "backup" or "restore") => command with { Data = value },
                ("--snapshot", "restore" or "verify-backup") => command with { Snapshot = value },
                ("--keep", "backup") => command with
                {
                    Keep = int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var keep) && keep > 0 ? keep : throw Bad("--keep", "must be a whole number from 1"),
                },
                _ => throw Bad(args[i], $"is not an argument of {command.Verb}"),
            };
        }
        return command with { Data = Path.GetFullPath(command.Data) };
    }

    public async Task<int> RunAsync()
    {
        if (Verb != "backup" && !Directory.Exists(Folder))
            throw new GridException(ErrorCodes.NotFound, $"There is no backup in {Folder}.", Verb);
        if (OperatingSystem.IsWindows()) throw new PlatformNotSupportedException("Backups need Linux.");
        Directory.CreateDirectory(Folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        using var alone = DataDirectoryLock.Acquire(Folder);
        using var store = new LocalBlobStore(Path.Combine(Folder, "store"));
        var archive = new BackupArchive(store);
        return Verb switch
        {
            "backup" => await BackupAsync(archive),
            "restore" => await RestoreAsync(archive),
            _ => await VerifyAsync(archive),
        };
    }

    private async Task<int> BackupAsync(BackupArchive archive)
    {
        if (!Directory.Exists(Data)) throw new GridException(ErrorCodes.NotFound, $"There is no data directory {Data}.", "--data");
        var settings = HostSettings.Load(Data);
        var (source, _) = await settings.Storage.OpenAsync(Data, TimeProvider.System);
        await BackupRestore.RequireFinishedAsync(source);
        var (vault, secrets) = (settings.OpenVault(Data), new Dictionary<string, byte[]>());
        foreach (var name in Secrets)
            if (await vault.FindAsync(name) is { } secret) secrets[name] = Encoding.UTF8.GetBytes(secret);
        var snapshot = await new GridBackup(source, archive, TimeProvider.System).RunAsync(secrets);
        foreach (var problem in snapshot.Problems) Console.Error.WriteLine($"warning: {problem}");
        Console.WriteLine($"snapshot {snapshot.Id}: {snapshot.Entries.Count} blobs of {snapshot.Bytes()} bytes, {archive.AddedObjects} of {archive.AddedBytes} bytes new");
        if (Keep is { } keep) Console.WriteLine($"kept {keep} snapshots at most, removed {await archive.KeepAsync(keep)} objects");
        return 0;
    }

    private async Task<int> RestoreAsync(BackupArchive archive)
    {
        var snapshot = await archive.OpenAsync(Snapshot);
        using var held = DataDirectoryLock.Acquire(Data);
        var settings = HostSettings.Load(Data);
        var (target, _) = await settings.Storage.OpenAsync(Data, TimeProvider.System);
        var (vault, secrets) = (settings.OpenVault(Data), new Dictionary<string, string>());
        foreach (var file in snapshot.Files)
        {
            using var reader = new StreamReader(archive.Open(file), Encoding.UTF8);
            secrets[file.Key] = await reader.ReadToEndAsync();
            if (await vault.FindAsync(file.Key) is { } other && other != secrets[file.Key])
                throw new GridException(ErrorCodes.AlreadyExists, $"There is another {file.Key} already; restore into an empty data directory.", "--data");
        }
        await BackupRestore.RunAsync(archive, snapshot, target);
        foreach (var (name, secret) in secrets) await vault.EnsureAsync(name, () => secret);
        Console.WriteLine($"restored {snapshot.Id}: {snapshot.Entries.Count} blobs of {snapshot.Bytes()} bytes into {Data}");
        return 0;
    }

    private async Task<int> VerifyAsync(BackupArchive archive)
    {
        var snapshot = await archive.OpenAsync(Snapshot);
        var findings = await archive.VerifyAsync(snapshot);
        foreach (var finding in findings) Console.Error.WriteLine(finding.Message);
        Console.WriteLine($"snapshot {snapshot.Id}: {snapshot.Entries.Count} blobs of {snapshot.Bytes()} bytes, {(findings.Count == 0 ? "all sound" : $"{findings.Count} missing or damaged")}");
        return findings.Count == 0 ? 0 : 1;
    }

    private static GridException Bad(string name, string what) => new(ErrorCodes.InvalidValue, $"{name} {what}.", name);
}
