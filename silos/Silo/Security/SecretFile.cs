using System.Security.Cryptography;
using FineTuneGrid.Contracts;

namespace FineTuneGrid.Silo;

/// <summary>A secret in a file that only its owner may read; made at the first use.</summary>
public static class SecretFile
{
    private const int Length = 32;
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    public static byte[] Ensure(string path)
    {
        if (!File.Exists(path))
            Create(path, Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(Length)));
        return Read(path);
    }

    public static byte[] Read(string path)
    {
        var secret = Convert.FromHexString(File.ReadAllText(path).Trim());
        return secret.Length >= Length
            ? secret
            : throw new GridException(ErrorCodes.InvalidValue, $"The secret in '{path}' is shorter than {Length} bytes; delete the file to make a new one.");
    }

    /// <summary>Writes a file of mode 0600, whole or not at all; one that exists stays.</summary>
    public static void Create(string path, string text)
    {
        var temporary = $"{path}.{Environment.ProcessId}.tmp";
        var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = OwnerOnly;
        using (var file = new StreamWriter(temporary, options))
            file.WriteLine(text);
        try
        {
            File.Move(temporary, path, overwrite: false);
        }
        catch (IOException) when (File.Exists(path))
        {
            File.Delete(temporary);
        }
    }
}
