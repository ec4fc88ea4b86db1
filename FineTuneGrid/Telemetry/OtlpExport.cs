using System.Diagnostics;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Telemetry;
using Microsoft.Extensions.Logging;
using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Logs;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace FineTuneGrid.Telemetry;

/// <summary>
/// Sends this process's spans, instruments and logs by OTLP where <c>OTEL_EXPORTER_OTLP_ENDPOINT</c> says so, and does nothing where
/// it does not. The other <c>OTEL_*</c> variables of the OpenTelemetry specification hold too (protocol, headers, sampler, resource).
/// </summary>
public sealed class OtlpExport : IDisposable
{
    public const string EndpointVariable = "OTEL_EXPORTER_OTLP_ENDPOINT";
    public const string ProtocolVariable = "OTEL_EXPORTER_OTLP_PROTOCOL";

    /// <summary>A collector that is away holds up no end of a process for longer than this.</summary>
    private const int LastExportMilliseconds = 2_000;

    private static readonly string[] Meters = [GridTelemetry.Name, "Microsoft.AspNetCore.Hosting", "Microsoft.AspNetCore.Server.Kestrel", "Microsoft.Orleans", "System.Runtime"];
    private static readonly string[] Sources = [GridTelemetry.Name, "Microsoft.AspNetCore"];

    private readonly TracerProvider _traces;
    private readonly MeterProvider _metrics;

    private OtlpExport(ResourceBuilder resource)
    {
        _traces = Sdk.CreateTracerProviderBuilder().SetResourceBuilder(resource).AddSource(Sources).AddProcessor(new ProbeFilter()).AddOtlpExporter().Build();
        _metrics = Sdk.CreateMeterProviderBuilder().SetResourceBuilder(resource).AddMeter(Meters).AddOtlpExporter().Build();
    }

    /// <param name="service">The part of the grid: <c>finetunegrid-control</c>, <c>-node</c> or <c>-trainer</c>.</param>
    /// <param name="instance">Tells processes of a part from each other.</param>
    /// <returns>Null where no collector is configured.</returns>
    /// <exception cref="GridException">invalid_value, naming the variable.</exception>
    public static OtlpExport? Start(string service, string instance) => IsAsked() ? new OtlpExport(Resource(service, instance)) : null;

    /// <summary>Log records with their named values, beside what is printed.</summary>
    public static void AddLogs(ILoggingBuilder logging, string service, string instance)
    {
        if (!IsAsked()) return;
        logging.AddOpenTelemetry(options =>
        {
            options.IncludeFormattedMessage = true;
            options.SetResourceBuilder(Resource(service, instance)).AddOtlpExporter();
        });
    }

    public void Dispose()
    {
        _traces.Shutdown(LastExportMilliseconds);
        _metrics.Shutdown(LastExportMilliseconds);
        _traces.Dispose();
        _metrics.Dispose();
    }

    private static bool IsAsked()
    {
        if (Environment.GetEnvironmentVariable(EndpointVariable) is not { Length: > 0 } endpoint) return false;
        if (!Uri.TryCreate(endpoint, UriKind.Absolute, out var address) || address.Scheme is not ("http" or "https"))
            throw Bad(EndpointVariable, $"must be an http or https address, not '{endpoint}'");
        if (Environment.GetEnvironmentVariable(ProtocolVariable) is { Length: > 0 } protocol && protocol is not ("grpc" or "http/protobuf"))
            throw Bad(ProtocolVariable, $"must be grpc or http/protobuf, not '{protocol}'");
        return true;
    }

    private static ResourceBuilder Resource(string service, string instance) => ResourceBuilder.CreateDefault()
        .AddService(service, serviceVersion: typeof(OtlpExport).Assembly.GetName().Version!.ToString(3), serviceInstanceId: instance)
        .AddEnvironmentVariableDetector();

    private static GridException Bad(string name, string what) => new(ErrorCodes.InvalidValue, $"The setting {name} {what}.", name);

    /// <summary>Probes and scrapes, many a minute, say nothing that the metrics do not.</summary>
    private sealed class ProbeFilter : BaseProcessor<Activity>
    {
        private static readonly string[] Probes = ["/livez", "/readyz", "/healthz", "/startupz", "/metrics"];

        public override void OnEnd(Activity data)
        {
            if (data.Kind == ActivityKind.Server && Probes.Contains(data.GetTagItem("url.path") as string)) data.ActivityTraceFlags &= ~ActivityTraceFlags.Recorded;
        }
    }
}
