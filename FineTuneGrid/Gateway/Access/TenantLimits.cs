using System.Globalization;
using System.Threading.RateLimiting;
using FineTuneGrid.Contracts;
using FineTuneGrid.Gateway.Problems;

namespace FineTuneGrid.Gateway.Access;

/// <summary>How many requests an organisation may make on one gateway.</summary>
/// <param name="PerSecond">In the long run.</param>
/// <param name="Burst">At once, after a pause.</param>
public sealed record RequestLimit(int PerSecond, int Burst);

/// <summary>
/// Keeps one organisation from taking the front door for itself: a token bucket for each. Admins of the installation and routes
/// that need no key are not limited.
/// </summary>
internal static class TenantLimits
{
    /// <summary>Tokens come about so often, and not once a second, so that nobody waits longer than needed.</summary>
    private const int RefillsPerSecond = 10;

    /// <summary>By so much a refill may be late.</summary>
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(200);

    public static void Add(IServiceCollection services, RequestLimit limit) => services.AddRateLimiter(limiter =>
    {
        limiter.GlobalLimiter = PartitionedRateLimiter.Create<HttpContext, string>(context => OrgOf(context) is { } org
            ? RateLimitPartition.GetTokenBucketLimiter(org, _ => Bucket(limit))
            : RateLimitPartition.GetNoLimiter(""));
        limiter.OnRejected = async (rejected, _) =>
        {
            var wait = rejected.Lease.TryGetMetadata(MetadataName.RetryAfter, out var after) ? after : TimeSpan.FromSeconds(1);
            var seconds = (int)Math.Ceiling((wait + Tick).TotalSeconds);
            rejected.HttpContext.Response.Headers.RetryAfter = seconds.ToString(CultureInfo.InvariantCulture);
            await ProblemWriter.WriteAsync(rejected.HttpContext, StatusCodes.Status429TooManyRequests, new GridError(ErrorCodes.RateLimited,
                $"Organisation '{OrgOf(rejected.HttpContext)}' may make {limit.PerSecond} requests a second here, {limit.Burst} at once; try again in {seconds} s."));
        };
    });

    private static string? OrgOf(HttpContext context) =>
        context.User.Identity?.IsAuthenticated == true && context.Caller() is { IsAdmin: false } caller ? caller.Org ?? Names.SharedOrg : null;

    private static TokenBucketRateLimiterOptions Bucket(RequestLimit limit)
    {
        var tokens = Math.Max(1, limit.PerSecond / RefillsPerSecond);
        return new TokenBucketRateLimiterOptions
        {
            TokenLimit = limit.Burst, TokensPerPeriod = tokens, ReplenishmentPeriod = TimeSpan.FromSeconds((double)tokens / limit.PerSecond), QueueLimit = 0,
        };
    }
}
