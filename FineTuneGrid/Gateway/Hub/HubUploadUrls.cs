using System.Globalization;
using System.Security.Cryptography;
using FineTuneGrid.Contracts;
using Microsoft.AspNetCore.DataProtection;

namespace FineTuneGrid.Gateway.Hub;

/// <summary>One object that may be uploaded.</summary>
/// <param name="Org">Whose quota it counts against.</param>
/// <param name="Key">Where it goes in the store.</param>
/// <param name="Sha256">What its bytes must have.</param>
public sealed record HubUpload(string Org, string Key, string Sha256, long Size);

/// <summary>
/// Addresses to which one object may be sent without a key: Hub clients send none there. Such an address says, sealed under the
/// grid's own secret, what goes where and until when, so that every gateway knows it.
/// </summary>
public sealed class HubUploadUrls(IDataProtectionProvider protection, TimeProvider time)
{
    public const string Route = "/api/hub/uploads/";

    public static readonly TimeSpan Lifetime = TimeSpan.FromHours(6);

    private readonly IDataProtector _protector = protection.CreateProtector("FineTuneGrid.HubUpload");

    public string PathOf(HubUpload upload)
    {
        var until = (time.GetUtcNow() + Lifetime).ToUnixTimeSeconds();
        return Route + _protector.Protect(string.Create(CultureInfo.InvariantCulture, $"{until} {upload.Org} {upload.Key} {upload.Sha256} {upload.Size}"));
    }

    /// <exception cref="GridException"><c>forbidden</c></exception>
    public HubUpload Open(string token)
    {
        try
        {
            var parts = _protector.Unprotect(token).Split(' ');
            if (DateTimeOffset.FromUnixTimeSeconds(long.Parse(parts[0], CultureInfo.InvariantCulture)) > time.GetUtcNow())
                return new HubUpload(parts[1], parts[2], parts[3], long.Parse(parts[4], CultureInfo.InvariantCulture));
        }
        catch (CryptographicException e)
        {
            throw Refused(e);
        }
        throw Refused(null);
    }

    private static GridException Refused(Exception? inner) => new(ErrorCodes.Forbidden, "This upload address is not the grid's, or its time is over; start the upload again.", "token", inner);
}
