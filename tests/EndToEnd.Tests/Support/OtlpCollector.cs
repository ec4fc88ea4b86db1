using System.Collections.Concurrent;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace FineTuneGrid.EndToEnd;

internal sealed record Span(string Service, string Trace, string Id, string Parent, string Name, IReadOnlyDictionary<string, string> Tags);

internal sealed record LogEntry(string Service, string Text, IReadOnlyDictionary<string, string> Values);

/// <summary>A collector that takes OTLP over HTTP in protobuf, and keeps what it is sent (opentelemetry-proto 1.x).</summary>
internal sealed class OtlpCollector : IAsyncDisposable
{
    private readonly WebApplication _app;

    private OtlpCollector()
    {
        var builder = WebApplication.CreateBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseSetting("urls", "http://127.0.0.1:0");
        _app = builder.Build();
        _app.MapPost("/v1/traces", request => TakeAsync(request, Traces));
        _app.MapPost("/v1/metrics", request => TakeAsync(request, Metrics));
        _app.MapPost("/v1/logs", request => TakeAsync(request, Logs));
    }

    public ConcurrentQueue<Span> Spans { get; } = new();

    /// <summary>(service, instrument)</summary>
    public ConcurrentDictionary<(string Service, string Name), int> Instruments { get; } = new();

    public ConcurrentQueue<LogEntry> Entries { get; } = new();

    public IReadOnlyDictionary<string, string> Environment => new Dictionary<string, string>
    {
        ["OTEL_EXPORTER_OTLP_ENDPOINT"] = _app.Urls.First(), ["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf",
    };

    public static async Task<OtlpCollector> StartAsync()
    {
        var collector = new OtlpCollector();
        await collector._app.StartAsync();
        return collector;
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private static async Task TakeAsync(HttpContext context, Action<ReadOnlyMemory<byte>> take)
    {
        using var body = new MemoryStream();
        await context.Request.Body.CopyToAsync(body);
        foreach (var resource in ProtobufField.Under(body.ToArray(), 1)) take(resource);
        context.Response.ContentType = "application/x-protobuf"; // An empty answer: everything was taken.
    }

    private void Traces(ReadOnlyMemory<byte> resource)
    {
        foreach (var span in ProtobufField.Under(resource, 2, 2).Select(s => ProtobufField.Of(s).ToList()))
        {
            string Id(int number) => span.FirstOrDefault(f => f.Number == number)?.Hex ?? "";
            Spans.Enqueue(new Span(Service(resource), Id(1), Id(2), Id(4), span.Single(f => f.Number == 5).Text, Attributes(span, 9)));
        }
    }

    private void Metrics(ReadOnlyMemory<byte> resource)
    {
        foreach (var name in ProtobufField.Under(resource, 2, 2, 1))
            Instruments.AddOrUpdate((Service(resource), System.Text.Encoding.UTF8.GetString(name.Span)), 1, (_, n) => n + 1);
    }

    private void Logs(ReadOnlyMemory<byte> resource)
    {
        foreach (var record in ProtobufField.Under(resource, 2, 2).Select(r => ProtobufField.Of(r).ToList()))
            Entries.Enqueue(new LogEntry(Service(resource), ProtobufField.Of(record.Single(f => f.Number == 5).Bytes).Single().Text, Attributes(record, 6)));
    }

    private static string Service(ReadOnlyMemory<byte> resource) =>
        Attributes([.. ProtobufField.Under(resource, 1).SelectMany(r => ProtobufField.Of(r))], 1)["service.name"];

    private static Dictionary<string, string> Attributes(IReadOnlyList<ProtobufField> fields, int number) => fields.Where(f => f.Number == number)
        .Select(f => ProtobufField.Of(f.Bytes).ToList())
        .ToDictionary(pair => pair.Single(f => f.Number == 1).Text, pair => Value(ProtobufField.Of(pair.Single(f => f.Number == 2).Bytes).SingleOrDefault()));

    /// <summary>AnyValue: a string is its field 1, an integer its field 3.</summary>
    private static string Value(ProtobufField? value) => value switch { null => "", { Number: 1 } => value.Text, _ => value.Value.ToString(System.Globalization.CultureInfo.InvariantCulture) };
}
