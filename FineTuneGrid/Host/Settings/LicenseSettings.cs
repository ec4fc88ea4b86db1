using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Licensing;
using Microsoft.Extensions.Configuration;

namespace FineTuneGrid.Host;

/// <summary>The file with the rules of which licences may go together.</summary>
internal static class LicenseSettings
{
    /// <exception cref="GridException">The file is not there, or not such a policy.</exception>
    public static LicensePolicy Read(IConfiguration section)
    {
        if (SettingKeys.Text(section, SettingKeys.LicensePolicy) is not { } file) return LicensePolicy.AllowAll;
        try
        {
            return LicensePolicy.Parse(File.ReadAllBytes(file));
        }
        catch (GridException e)
        {
            throw SettingKeys.Bad(SettingKeys.LicensePolicy, $"names {file}: {e.Message.TrimEnd('.')}", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw SettingKeys.Bad(SettingKeys.LicensePolicy, $"names a file that cannot be read: {e.Message.TrimEnd('.')}", e);
        }
    }
}
