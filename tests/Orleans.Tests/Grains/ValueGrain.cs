using System.Text.Json;
using System.Text.Json.Serialization;
using FineTuneGrid.Orleans.Tests.Support;
using Orleans;
using Orleans.Runtime;

namespace FineTuneGrid.Orleans.Tests;

[JsonValue]
public sealed record Spec(string Name, IReadOnlyList<int> Sizes, Dictionary<string, double>? Options = null);

[GenerateSerializer]
public class Animal
{
    [Id(0)]
    public string Name { get; set; } = "";

    [Id(1)]
    private int _legs;

    [NonSerialized]
    public string? NotSent;

    public int Legs
    {
        get => _legs;
        set => _legs = value;
    }
}

[GenerateSerializer]
public sealed class Dog : Animal
{
    [Id(0)]
    public List<Animal> Friends { get; set; } = [];
}

[GenerateSerializer]
public sealed record Point(int X, int Y)
{
    [Id(0)]
    public string? Label { get; set; }
}

/// <summary>Claimed by a JSON serializer and by a copier that is registered before it.</summary>
[JsonValue]
[SharedValue]
public sealed record Badge(string Text);

/// <summary>Claimed by a copier alone.</summary>
[SharedValue]
public sealed record Whisper(string Text);

/// <summary>No serializer claims it.</summary>
public sealed class Stranger
{
    public int Value { get; set; }
}

public enum Colour
{
    Red,
    Green,
}

[GenerateSerializer]
public sealed class TypedException : Exception
{
    public TypedException(string code, string message) : base(message) => Code = code;

    [Id(0)]
    public string Code { get; private set; }
}

/// <summary>As an application's own exception type: no base library knows how to send it.</summary>
public sealed class PlainException(string code, string message) : Exception(message)
{
    public string Code { get; } = code;
}

/// <summary>Travels by a converter of its own.</summary>
[JsonValue]
[JsonConverter(typeof(JsonExceptionConverter))]
public sealed class JsonException2(string code, string message) : Exception(message)
{
    public string Code { get; } = code;
}

public sealed class JsonExceptionConverter : JsonConverter<JsonException2>
{
    public override JsonException2 Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        var values = JsonSerializer.Deserialize<string[]>(ref reader, options)!;
        return new JsonException2(values[0], values[1]);
    }

    public override void Write(Utf8JsonWriter writer, JsonException2 value, JsonSerializerOptions options) =>
        JsonSerializer.Serialize(writer, new[] { value.Code, value.Message }, options);
}

/// <summary>Travels as a surrogate, since its own class knows nothing of grains.</summary>
public sealed class ConvertedException(string code, string message) : Exception(message)
{
    public string Code { get; } = code;
}

[GenerateSerializer]
public struct ConvertedExceptionSurrogate
{
    [Id(0)]
    public string Code;

    [Id(1)]
    public string Message;
}

[RegisterConverter]
public sealed class ConvertedExceptionConverter : IConverter<ConvertedException, ConvertedExceptionSurrogate>
{
    public ConvertedException ConvertFromSurrogate(in ConvertedExceptionSurrogate surrogate) => new(surrogate.Code, surrogate.Message);

    public ConvertedExceptionSurrogate ConvertToSurrogate(in ConvertedException value) => new() { Code = value.Code, Message = value.Message };
}

public interface IValueGrain : IGrainWithStringKey
{
    Task<IReadOnlyList<Spec>> Specs(int count);

    Task<Spec> Keep(Spec spec);

    Task<Spec?> Kept();

    Task<Dog> EchoDog(Dog dog);

    Task<Animal> EchoAnimal(Animal animal);

    Task<Point> EchoPoint(Point point);

    Task<object?> EchoObject(object? value);

    Task<List<int>> KeepList(List<int> list);

    Task<Dictionary<string, Spec?>> EchoDictionary(Dictionary<string, Spec?> values);

    Task<(string, int?, Colour)> EchoTuple((string, int?, Colour) tuple);

    Task<byte[]> EchoBytes(byte[] bytes);

    Task<Spec[]> EchoArray(Spec[] specs);

    ValueTask<double> Half(double value);

    ValueTask Nothing();

    Task<IValueGrain> Self();

    Task<string> KeyOf(IValueGrain grain);

    Task<Stranger> MakeStranger();

    Task<IReadOnlyList<int>> SpreadIntoReadOnlyList(int count);

    Task<IReadOnlyList<int>> ArrayAsReadOnlyList(int count);

    Task Throw(string kind);

    Task<string?> Context(string key);
}

public sealed class ValueGrain : Grain, IValueGrain
{
    public Task<IReadOnlyList<Spec>> Specs(int count) =>
        Task.FromResult<IReadOnlyList<Spec>>(Enumerable.Range(0, count).Select(i => new Spec($"s{i}", [i])).ToList());

    private Spec? _spec;
    private List<int> _list = [];

    public Task<Spec> Keep(Spec spec)
    {
        _spec = spec;
        return Task.FromResult(spec);
    }

    public Task<Spec?> Kept() => Task.FromResult(_spec);

    public Task<Dog> EchoDog(Dog dog) => Task.FromResult(dog);

    public Task<Animal> EchoAnimal(Animal animal) => Task.FromResult(animal);

    public Task<Point> EchoPoint(Point point) => Task.FromResult(point);

    public Task<object?> EchoObject(object? value) => Task.FromResult(value);

    public Task<List<int>> KeepList(List<int> list)
    {
        _list.AddRange(list);
        return Task.FromResult(_list);
    }

    public Task<Dictionary<string, Spec?>> EchoDictionary(Dictionary<string, Spec?> values) => Task.FromResult(values);

    public Task<(string, int?, Colour)> EchoTuple((string, int?, Colour) tuple) => Task.FromResult(tuple);

    public Task<byte[]> EchoBytes(byte[] bytes) => Task.FromResult(bytes);

    public Task<Spec[]> EchoArray(Spec[] specs) => Task.FromResult(specs);

    public ValueTask<double> Half(double value) => ValueTask.FromResult(value / 2);

    public ValueTask Nothing() => default;

    public Task<IValueGrain> Self() => Task.FromResult(this.AsReference<IValueGrain>());

    public Task<string> KeyOf(IValueGrain grain) => Task.FromResult(grain.GetPrimaryKeyString());

    public Task<Stranger> MakeStranger() => Task.FromResult(new Stranger());

    // The compiler makes a list type of its own here.
    public Task<IReadOnlyList<int>> SpreadIntoReadOnlyList(int count) =>
        Task.FromResult<IReadOnlyList<int>>([.. Enumerable.Range(0, count)]);

    public Task<IReadOnlyList<int>> ArrayAsReadOnlyList(int count) =>
        Task.FromResult<IReadOnlyList<int>>(Enumerable.Range(0, count).ToArray());

    public async Task Throw(string kind)
    {
        await Task.Yield();
        throw kind switch
        {
            "argument" => new ArgumentException("bad argument", new FormatException("inner")),
            "typed" => new TypedException("code-1", "typed message"),
            "plain" => new PlainException("code-2", "plain message"),
            "converted" => new ConvertedException("code-4", "converted message"),
            "json" => new JsonException2("code-3", "json message"),
            _ => new InvalidOperationException(kind),
        };
    }

    public Task<string?> Context(string key) => Task.FromResult(RequestContext.Get(key) as string);
}
