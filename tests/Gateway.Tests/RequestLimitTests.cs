using System.Net;
using System.Net.Http.Json;
using FineTuneGrid.Contracts;
using FineTuneGrid.Gateway.Access;
using FineTuneGrid.Gateway.Tests.Support;

namespace FineTuneGrid.Gateway.Tests;

/// <summary>An organisation's share of the front door. With a gateway of its own, which has a limit.</summary>
public sealed class RequestLimitTests : IAsyncLifetime
{
    private const int Burst = 5;

    /// <summary>One a second, so that none comes back while the test runs its five.</summary>
    private readonly GatewayUnderTest _gateway = new() { Configure = options => options.RequestLimit = new RequestLimit(1, Burst) };

    public Task InitializeAsync() => _gateway.InitializeAsync();

    public Task DisposeAsync() => _gateway.DisposeAsync();

    [Fact]
    public async Task TooManyRequests_AreRefusedWithATimeToWait_InTheFormOfTheRoute_AndOthersGoOn()
    {
        var refused = await UntilRefusedAsync(() => _gateway.Member.GetAsync("/api/v1/jobs"));
        var problem = await Task.FromResult(refused).ProblemAsync(HttpStatusCode.TooManyRequests, ErrorCodes.RateLimited);
        Assert.Contains("'acme'", problem.Text("detail"));
        Assert.InRange(refused.Headers.RetryAfter!.Delta!.Value.TotalSeconds, 1, 2);

        // All keys of an organisation count together.
        using var reader = await UntilRefusedAsync(() => _gateway.Reader.GetAsync("/api/v1/jobs"), most: 2);
        using var named = await UntilRefusedAsync(() => _gateway.Member.PostAsJsonAsync("/v1/completions", new { }), most: 2, first: HttpStatusCode.BadRequest);
        Assert.NotNull(named.Headers.RetryAfter);
        Assert.Contains("\"type\":\"rate_limit_error\"", await named.Content.ReadAsStringAsync());

        await _gateway.Stranger.GetAsync("/api/v1/jobs").JsonAsync();
        for (var i = 0; i < 3 * Burst; i++)
        {
            await _gateway.Admin.GetAsync("/api/v1/jobs").JsonAsync();
            await _gateway.Nobody.GetAsync("/livez").JsonAsync();
        }
    }

    [Fact]
    public async Task Wait_ThatWasTold_IsEnough()
    {
        using var refused = await UntilRefusedAsync(() => _gateway.Stranger.GetAsync("/api/v1/jobs"));
        await Task.Delay(refused.Headers.RetryAfter!.Delta!.Value);
        await _gateway.Stranger.GetAsync("/api/v1/jobs").JsonAsync();
    }

    private static async Task<HttpResponseMessage> UntilRefusedAsync(Func<Task<HttpResponseMessage>> ask, int most = 2 * Burst, HttpStatusCode first = HttpStatusCode.OK)
    {
        for (var i = 0; ; i++)
        {
            var response = await ask();
            if (response.StatusCode == HttpStatusCode.TooManyRequests) return response;
            Assert.True(i < most && response.StatusCode == first, $"request {i} had {(int)response.StatusCode}");
            response.Dispose();
        }
    }
}
