using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Licensing;
using FineTuneGrid.Grains.Housekeeping;
using Microsoft.Extensions.Configuration;

namespace FineTuneGrid.Host;

/// <summary>
/// What an installation is configured with besides the command line: <c>DATA/appsettings.json</c> under <c>FTG</c>, files named
/// <c>FTG__SECTION__KEY</c> in the folder that <c>FTG_SETTINGS_DIR</c> names, and environment variables of the same names. The later wins.
/// </summary>
internal sealed record HostSettings(
    StorageSettings Storage, ClusterSettings Cluster, TlsSettings? Tls, RetentionPolicy Retention, LicensePolicy Licenses, OpenAiSettings OpenAi, FrontDoorSettings FrontDoor)
{
    /// <exception cref="GridException">The file is not JSON, a key is unknown, or one has no possible value.</exception>
    public static HostSettings Load(string data)
    {
        var section = Read(data);
        foreach (var (path, value) in section.AsEnumerable(makePathsRelative: true))
        {
            if (value is not null && !SettingKeys.All.Contains(path, StringComparer.OrdinalIgnoreCase))
                throw SettingKeys.Bad(path, $"is not a setting; there are {string.Join(", ", SettingKeys.All.Select(SettingKeys.Variable))}");
        }
        var settings = new HostSettings(StorageSettings.Read(section), ClusterSettings.Read(section), TlsSettings.Read(section), RetentionSettings.Read(section),
            LicenseSettings.Read(section), OpenAiSettings.Read(section), FrontDoorSettings.Read(section));
        if (settings.Cluster.Redis is not null && !settings.Storage.IsShared)
            throw SettingKeys.Bad(SettingKeys.Redis, $"needs storage that all silos share: set {SettingKeys.Variable(SettingKeys.AzureBlob)} or {SettingKeys.Variable(SettingKeys.Folder)}");
        return settings;
    }

    /// <summary>Where the secrets of this installation are: the same place for every control process of a cluster.</summary>
    public ISecretVault OpenVault(string data)
    {
        if (Cluster.Secrets is { } folder) return new FolderVault(folder, SettingKeys.Secrets);
        if (Cluster.Redis is null) return new FolderVault(data, null);
        return Storage.Folder is { } shared ? new FolderVault(shared, SettingKeys.Folder) : Storage.OpenBlobVault(data);
    }

    /// <summary>Where container engines and systemd put secrets: one file each, named like the setting.</summary>
    private static string? FolderOfFiles()
    {
        if (Environment.GetEnvironmentVariable(SettingKeys.FilesVariable) is not { Length: > 0 } folder) return null;
        return Directory.Exists(folder)
            ? Path.GetFullPath(folder)
            : throw new GridException(ErrorCodes.InvalidValue, $"The setting {SettingKeys.FilesVariable} names no folder: {folder}.", SettingKeys.FilesVariable);
    }

    private static IConfiguration Read(string data)
    {
        var file = Path.Combine(data, "appsettings.json");
        try
        {
            var sources = new ConfigurationBuilder().AddJsonFile(file, optional: true);
            if (FolderOfFiles() is { } folder) sources.AddKeyPerFile(folder);
            return sources.AddEnvironmentVariables().Build().GetSection("FTG");
        }
        catch (InvalidDataException e)
        {
            throw new GridException(ErrorCodes.InvalidJson, $"{file} is not JSON: {e.InnerException?.Message ?? e.Message}", "appsettings.json", inner: e);
        }
    }
}
