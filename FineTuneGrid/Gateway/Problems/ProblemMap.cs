using FineTuneGrid.Contracts;

namespace FineTuneGrid.Gateway.Problems;

/// <summary>HTTP status and title of every error code.</summary>
public static class ProblemMap
{
    public static int Status(string code) => code switch
    {
        ErrorCodes.InvalidRequest or ErrorCodes.InvalidJson or ErrorCodes.UnknownField or ErrorCodes.DigestMismatch => 400,
        ErrorCodes.Unauthenticated => 401,
        ErrorCodes.Forbidden or ErrorCodes.LicenseRefused => 403,
        ErrorCodes.NotFound => 404,
        ErrorCodes.Conflict or ErrorCodes.AlreadyExists or ErrorCodes.InUse or ErrorCodes.QuotaExceeded or ErrorCodes.Fenced or ErrorCodes.LeaseLost => 409,
        ErrorCodes.PreconditionFailed => 412,
        ErrorCodes.TooLarge => 413,
        ErrorCodes.RateLimited => 429,
        ErrorCodes.Unavailable or ErrorCodes.NodeLost or ErrorCodes.GangBroken or ErrorCodes.TrainerCrashed => 503,
        ErrorCodes.InsufficientStorage => 507,
        ErrorCodes.Internal => 500,
        _ => 422,
    };

    public static string Title(int status) => status switch
    {
        400 => "The request is malformed",
        401 => "A valid API key is needed",
        403 => "The key may not do this",
        404 => "There is no such thing",
        405 => "The method is not allowed here",
        409 => "The present state does not allow this",
        412 => "A precondition does not hold",
        413 => "The request is too large",
        415 => "The content type is not supported",
        422 => "The request cannot be carried out as given",
        429 => "Too many requests",
        503 => "Not available at the moment",
        507 => "The storage is full",
        _ => status >= 500 ? "The server failed" : "The request was refused",
    };
}
