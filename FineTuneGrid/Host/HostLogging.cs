using FineTuneGrid.Telemetry;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;

namespace FineTuneGrid.Host;

/// <summary>What a host process logs and under which name it exports: warnings of frameworks, everything of ours.</summary>
internal static class HostLogging
{
    private const string TimeFormat = "HH:mm:ss.fff ";

    public static string Service(HostOptions options) => options.IsControl ? "finetunegrid-control" : "finetunegrid-node";

    public static string Instance(HostOptions options) => options.IsControl ? $"{Environment.MachineName}:{Environment.ProcessId}" : options.NodeName;

    public static void Configure(ILoggingBuilder logging, HostOptions options)
    {
        logging.ClearProviders();
        if (options.LogsAsJson)
            logging.AddJsonConsole(o => (o.IncludeScopes, o.UseUtcTimestamp, o.TimestampFormat) = (false, true, "O"));
        else
            logging.AddSimpleConsole(o => (o.SingleLine, o.UseUtcTimestamp, o.TimestampFormat) = (true, true, TimeFormat));
        OtlpExport.AddLogs(logging, Service(options), Instance(options));
        logging.SetMinimumLevel(LogLevel.Warning);
        logging.AddFilter("FineTuneGrid", LogLevel.Information);
    }
}
