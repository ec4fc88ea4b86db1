using System.Security.Cryptography;

namespace FineTuneGrid.Gateway.Access;

/// <summary>A secret in a file that only its owner may read, made at first use.</summary>
public static class SecretFile
{
    public static string Ensure(string path, Func<string> create)
    {
        if (!File.Exists(path))
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            var temporary = $"{path}.{Guid.NewGuid():N}";
            var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
            if (!OperatingSystem.IsWindows()) options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
            using (var writer = new StreamWriter(new FileStream(temporary, options))) writer.WriteLine(create());
            try
            {
                File.Move(temporary, path, overwrite: false);
            }
            catch (IOException) when (File.Exists(path))
            {
                // Another process was first; its secret counts.
                File.Delete(temporary);
            }
        }
        return File.ReadAllText(path).Trim();
    }

    public static byte[] EnsureBytes(string path) => Convert.FromHexString(Ensure(path, () => Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32))));
}
