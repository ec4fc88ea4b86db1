using System.Security.Cryptography;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Provenance;
using FineTuneGrid.Gateway.Access;

namespace FineTuneGrid.Host;

/// <summary>What the control processes of a grid know and nobody else: the same on every silo.</summary>
/// <param name="Node">Signs node tokens and the silos' own calls.</param>
/// <param name="Signing">Signs what is said of published adapters.</param>
internal sealed record GridSecrets(byte[] Node, string Signing, GatewaySecrets Gateway)
{
    public const string SigningFile = "secrets/signing.key";

    public const string NodeKeyFile = "node.key";

    private const int Bytes = 32;

    public static async Task<GridSecrets> OpenAsync(ISecretVault vault, string data)
    {
        var secrets = new GridSecrets(
            await BytesAsync(vault, NodeKeyFile), await vault.EnsureAsync(SigningFile, SigningKey.CreatePem),
            new GatewaySecrets(
                await BytesAsync(vault, GatewaySecrets.PepperFile), await BytesAsync(vault, GatewaySecrets.SessionFile), await vault.EnsureAsync(AdminKey.FileName, ApiKeys.Create)));
        KeepAdminKey(data, secrets.Gateway.Admin);
        return secrets;
    }

    public static byte[] Decode(string name, string text)
    {
        try
        {
            var bytes = Convert.FromHexString(text);
            if (bytes.Length >= Bytes) return bytes;
        }
        catch (FormatException)
        {
            // Told below.
        }
        throw new GridException(ErrorCodes.InvalidValue, $"The secret {name} is not {Bytes} bytes in hexadecimal; delete it to make a new one.", name);
    }

    private static async Task<byte[]> BytesAsync(ISecretVault vault, string name) =>
        Decode(name, await vault.EnsureAsync(name, () => Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(Bytes))));

    /// <summary>Operators look for the admin's key in the data directory, wherever the secrets are.</summary>
    private static void KeepAdminKey(string data, string admin)
    {
        var path = Path.Combine(data, AdminKey.FileName);
        if (File.Exists(path) && File.ReadAllText(path).Trim() == admin) return;
        File.Delete(path);
        SecretFile.Ensure(path, () => admin);
    }
}
