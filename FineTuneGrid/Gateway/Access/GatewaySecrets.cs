using System.Security.Cryptography;

namespace FineTuneGrid.Gateway.Access;

/// <summary>The front door's secrets: the same for every gateway of a grid.</summary>
/// <param name="Pepper">Keys API keys' hashes.</param>
/// <param name="Session">Protects browser sessions, forms and sign-in links.</param>
/// <param name="Admin">The first API key.</param>
public sealed record GatewaySecrets(byte[] Pepper, byte[] Session, string Admin)
{
    public const string PepperFile = "secrets/pepper";
    public const string SessionFile = "secrets/session.key";

    /// <summary>In files of mode 0600 below a folder that is never below the blob store's root; made at first use.</summary>
    public static GatewaySecrets InFolder(string folder) => new(
        SecretFile.EnsureBytes(Path.Combine(folder, PepperFile)), SecretFile.EnsureBytes(Path.Combine(folder, SessionFile)), AdminKey.Ensure(folder));
}
