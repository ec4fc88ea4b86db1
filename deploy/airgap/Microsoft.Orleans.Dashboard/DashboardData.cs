using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Orleans.Runtime;

namespace Orleans.Dashboard;

/// <summary>Samples the runtime's counters and puts them into the shapes that the page reads.</summary>
internal sealed class DashboardData(
    SiloRuntime silo,
    GrainClassMap classes,
    ILocalSiloDetails details,
    SiloState state,
    TimeProvider time,
    IOptions<DashboardOptions> options) : IHostedService, IDisposable
{
    private const int MinIntervalMs = 1000;
    private const int TopCount = 5;

    private readonly CallHistory _history = new(Math.Max(1, options.Value.HistoryLength));
    private ITimer? _timer;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        var interval = TimeSpan.FromMilliseconds(Math.Max(MinIntervalMs, options.Value.CounterUpdateIntervalMs));
        _timer = time.CreateTimer(_ => Sample(), null, TimeSpan.Zero, interval);
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken)
    {
        _timer?.Dispose();
        return Task.CompletedTask;
    }

    public void Dispose() => _timer?.Dispose();

    public object Counters(string[] exclude)
    {
        var activations = _history.Activations;
        var active = state.Status == SiloStatus.Active ? 1 : 0;
        return new
        {
            Hosts = new[] { Host() },
            SimpleGrainStats = GrainStats(exclude),
            TotalActiveHostCount = active,
            TotalActiveHostCountHistory = activations.Select(_ => active),
            TotalActivationCount = silo.Catalog.Count,
            TotalActivationCountHistory = activations,
        };
    }

    public object ClusterStats() => _history.All();

    public object GrainStatsOf(string grain) => _history.OfGrain(grain);

    public object TopGrainMethods(string[] exclude)
    {
        var methods = _history.ByMethod().Where(method => !IsExcluded(method.Grain, exclude)).ToArray();
        return new Dictionary<string, object>
        {
            ["calls"] = methods.OrderByDescending(method => method.Count).Take(TopCount),
            ["latency"] = methods.OrderByDescending(method => method.ElapsedTime / method.Count).Take(TopCount),
            ["errors"] = methods.Where(method => method.ExceptionCount > 0)
                .OrderByDescending(method => method.ExceptionCount / (double)method.Count).Take(TopCount),
        };
    }

    public string[] GrainTypes(string[] exclude) =>
        [.. classes.Classes.Select(grainClass => grainClass.Name).Where(name => !IsExcluded(name, exclude)).Order(StringComparer.Ordinal)];

    private static bool IsExcluded(string grain, string[] exclude) =>
        exclude.Any(prefix => grain.StartsWith(prefix.Trim() + ".", StringComparison.OrdinalIgnoreCase));

    private object[] GrainStats(string[] exclude)
    {
        var calls = _history.ByGrain();
        var seconds = _history.Seconds;
        return [.. silo.Catalog.Activations
            .GroupBy(activation => activation.Class.Name)
            .Where(group => !IsExcluded(group.Key, exclude))
            .Select(group =>
            {
                var sum = calls.GetValueOrDefault(group.Key, CallSum.Zero);
                return new
                {
                    ActivationCount = group.Count(),
                    GrainType = group.Key,
                    SiloAddress = silo.Address.ToParsableString(),
                    TotalAwaitTime = sum.ElapsedTime,
                    TotalCalls = sum.Count,
                    CallsPerSecond = seconds > 0 ? sum.Count / seconds : 0,
                    TotalSeconds = seconds,
                    TotalExceptions = sum.ExceptionCount,
                };
            })];
    }

    private object Host() => new
    {
        HostName = details.DnsHostName,
        ProxyPort = details.GatewayAddress?.Endpoint.Port ?? 0,
        SiloAddress = silo.Address.ToParsableString(),
        SiloName = details.Name,
        StartTime = ((LocalSiloDetails)details).StartTime.ToString("O", System.Globalization.CultureInfo.InvariantCulture),
        IAmAliveTime = time.GetUtcNow().UtcDateTime.ToString("O", System.Globalization.CultureInfo.InvariantCulture),
        Status = state.Status.ToString(),
        SiloStatus = state.Status,
    };

    private void Sample() => _history.Add(
        time.GetUtcNow().UtcDateTime,
        silo.Catalog.Count,
        classes.Classes.SelectMany(grainClass => grainClass.Counters.Methods.Select(method => new MethodTotal(
            grainClass.Name, method.Key, method.Value.Calls, method.Value.Failures, method.Value.Elapsed))));
}
