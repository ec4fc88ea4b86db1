using System.Text.Json;
using System.Text.Json.Serialization;
using FineTuneGrid.Scheduling;

namespace FineTuneGrid.Grains.Pool;

/// <summary>The pool's durable state: a snapshot of the scheduler. It can be lost: the jobs' own states build it again.</summary>
public sealed record PoolState([property: JsonConverter(typeof(SchedulerStateConverter))] SchedulerState Scheduler);

/// <summary>A scheduler state is stored in its own snapshot format.</summary>
internal sealed class SchedulerStateConverter : JsonConverter<SchedulerState>
{
    public override SchedulerState Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        using var document = JsonDocument.ParseValue(ref reader);
        return SchedulerState.FromJson(JsonSerializer.SerializeToUtf8Bytes(document.RootElement));
    }

    public override void Write(Utf8JsonWriter writer, SchedulerState value, JsonSerializerOptions options) => writer.WriteRawValue(value.ToJson());
}
