using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Xml.Linq;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.DataProtection.AuthenticatedEncryption;
using Microsoft.AspNetCore.DataProtection.AuthenticatedEncryption.ConfigurationModel;
using Microsoft.AspNetCore.DataProtection.KeyManagement;
using Microsoft.AspNetCore.DataProtection.Repositories;

namespace FineTuneGrid.Gateway.Access;

/// <summary>
/// The one key of browser sessions and forms, derived from the session secret: every gateway of a grid holds it from its first
/// request on, without a key ring that they would have to agree on.
/// </summary>
internal sealed class SessionKeyRing(byte[] secret) : IXmlRepository
{
    private const int MasterBytes = 64;
    private static readonly DateTimeOffset Start = new(2020, 1, 1, 0, 0, 0, TimeSpan.Zero);

    public static void Configure(IServiceCollection services, byte[] secret)
    {
        services.AddDataProtection().SetApplicationName("FineTuneGrid").DisableAutomaticKeyGeneration();
        services.Configure<KeyManagementOptions>(o => o.XmlRepository = new SessionKeyRing(secret));
    }

    public IReadOnlyCollection<XElement> GetAllElements()
    {
        using var master = new Secret(Derive("session master key", MasterBytes));
        var descriptor = new AuthenticatedEncryptorDescriptor(new AuthenticatedEncryptorConfiguration(), master).ExportToXml();
        return
        [
            new XElement("key", new XAttribute("id", new Guid(Derive("session key id", 16))), new XAttribute("version", 1),
                new XElement("creationDate", Text(Start)), new XElement("activationDate", Text(Start)), new XElement("expirationDate", Text(Start.AddYears(1000))),
                new XElement("descriptor", new XAttribute("deserializerType", descriptor.DeserializerType.AssemblyQualifiedName!), descriptor.SerializedDescriptorElement)),
        ];
    }

    public void StoreElement(XElement element, string friendlyName) =>
        throw new NotSupportedException("The session key comes from the session secret; none is made beside it.");

    private byte[] Derive(string purpose, int bytes) => HKDF.DeriveKey(HashAlgorithmName.SHA256, secret, bytes, info: Encoding.UTF8.GetBytes(purpose));

    private static string Text(DateTimeOffset time) => time.ToString("O", CultureInfo.InvariantCulture);
}
