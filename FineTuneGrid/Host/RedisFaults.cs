using FineTuneGrid.Contracts;
using Orleans.Runtime;

namespace FineTuneGrid.Host;

/// <summary>Faults of the configured Redis as one line that names the setting.</summary>
internal static class RedisFaults
{
    private const string Client = "StackExchange.Redis";

    /// <exception cref="GridException">Redis cannot be reached, its setting cannot be read, or this build has no clustering.</exception>
    public static async Task NamedAsync(ClusterSettings cluster, Func<Task> start)
    {
        try
        {
            await start();
        }
        catch (Exception e) when (cluster.Redis is not null && Fault(e) is { } fault)
        {
            throw SettingKeys.Bad(SettingKeys.Redis, $"cannot be used: {fault.Message.Split('\n')[0].TrimEnd('.', '\r', ' ')}", e);
        }
    }

    /// <summary>What the Redis client threw, wherever it ended up; or the runtime's refusal of the configuration.</summary>
    private static Exception? Fault(Exception exception)
    {
        for (Exception? e = exception; e is not null; e = e.InnerException)
        {
            if (e.Source == Client || e.GetType().Namespace == Client || e is OrleansConfigurationException) return e;
        }
        return null;
    }
}
