using System.Security.Cryptography;
using System.Text;

namespace FineTuneGrid.Gateway.Assets;

/// <summary>What stands in storage keys for texts that users choose: 40 hexadecimal digits.</summary>
internal static class KeyDigest
{
    public static string Of(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)))[..40];
}
