using System.Runtime.CompilerServices;
using System.Text.Json;

namespace Orleans.Serialization;

internal sealed class BytesCodec : ValueCodec
{
    public override object Copy(object value) => ((byte[])value).Clone();

    public override void Write(Utf8JsonWriter writer, object value) => writer.WriteBase64StringValue((byte[])value);

    public override object Read(JsonElement element) => element.GetBytesFromBase64();
}

internal sealed class ArrayCodec<T>(ValueCodecs codecs) : ValueCodec
{
    private readonly MemberCodec _items = codecs.Member(typeof(T));

    public override object Copy(object value)
    {
        var source = (T[])value;
        if (_items.IsImmutable)
            return source.Clone();
        var copy = new T[source.Length];
        for (var i = 0; i < copy.Length; i++)
            copy[i] = (T)_items.Copy(source[i])!;
        return copy;
    }

    public override void Write(Utf8JsonWriter writer, object value) => _items.WriteAll(writer, (T[])value);

    public override object Read(JsonElement element) => _items.ReadAll<T>(element).ToArray();
}

internal sealed class ListCodec<T>(ValueCodecs codecs) : ValueCodec
{
    private readonly MemberCodec _items = codecs.Member(typeof(T));

    public override object Copy(object value)
    {
        var source = (List<T>)value;
        return _items.IsImmutable ? new List<T>(source) : source.ConvertAll(item => (T)_items.Copy(item)!);
    }

    public override void Write(Utf8JsonWriter writer, object value) => _items.WriteAll(writer, (List<T>)value);

    public override object Read(JsonElement element) => _items.ReadAll<T>(element);
}

internal sealed class SetCodec<T>(ValueCodecs codecs) : ValueCodec
{
    private readonly MemberCodec _items = codecs.Member(typeof(T));

    public override object Copy(object value)
    {
        var source = (HashSet<T>)value;
        return new HashSet<T>(source.Select(item => (T)_items.Copy(item)!), source.Comparer);
    }

    public override void Write(Utf8JsonWriter writer, object value) => _items.WriteAll(writer, (HashSet<T>)value);

    public override object Read(JsonElement element) => new HashSet<T>(_items.ReadAll<T>(element));
}

/// <summary>Written as an array of pairs, since keys need not be strings.</summary>
internal sealed class DictionaryCodec<TKey, TValue>(ValueCodecs codecs) : ValueCodec
    where TKey : notnull
{
    private readonly MemberCodec _keys = codecs.Member(typeof(TKey));
    private readonly MemberCodec _values = codecs.Member(typeof(TValue));

    public override object Copy(object value)
    {
        var source = (Dictionary<TKey, TValue>)value;
        var copy = new Dictionary<TKey, TValue>(source.Count, source.Comparer);
        foreach (var (key, item) in source)
            copy.Add((TKey)_keys.Copy(key)!, (TValue)_values.Copy(item)!);
        return copy;
    }

    public override void Write(Utf8JsonWriter writer, object value)
    {
        writer.WriteStartArray();
        foreach (var (key, item) in (Dictionary<TKey, TValue>)value)
        {
            writer.WriteStartArray();
            _keys.Write(writer, key);
            _values.Write(writer, item);
            writer.WriteEndArray();
        }

        writer.WriteEndArray();
    }

    public override object Read(JsonElement element)
    {
        var result = new Dictionary<TKey, TValue>();
        foreach (var pair in element.EnumerateArray())
        {
            if (pair.GetArrayLength() != 2 || _keys.Read(pair[0]) is not TKey key)
                throw new SerializerException("A dictionary entry is not a pair of a key and a value.");
            result[key] = (TValue)_values.Read(pair[1])!;
        }

        return result;
    }
}

/// <summary>Tuples and value tuples of up to seven items, as an array.</summary>
internal sealed class TupleCodec : ValueCodec
{
    private readonly Type _type;
    private readonly MemberCodec[] _items;

    public TupleCodec(Type type, ValueCodecs codecs)
    {
        _type = type;
        _items = [.. type.GetGenericArguments().Select(codecs.Member)];
    }

    public override bool IsImmutable => Array.TrueForAll(_items, static item => item.IsImmutable);

    public static bool Supports(Type type) =>
        type.IsGenericType && typeof(ITuple).IsAssignableFrom(type) && type.GetGenericArguments().Length <= 7;

    public override object Copy(object value)
    {
        if (IsImmutable)
            return value;
        var tuple = (ITuple)value;
        return Activator.CreateInstance(_type, [.. _items.Select((item, index) => item.Copy(tuple[index]))])!;
    }

    public override void Write(Utf8JsonWriter writer, object value)
    {
        var tuple = (ITuple)value;
        writer.WriteStartArray();
        for (var i = 0; i < _items.Length; i++)
            _items[i].Write(writer, tuple[i]);
        writer.WriteEndArray();
    }

    public override object Read(JsonElement element)
    {
        if (element.GetArrayLength() != _items.Length)
            throw new SerializerException($"A tuple of {_items.Length} items has {element.GetArrayLength()}.");
        return Activator.CreateInstance(_type, [.. _items.Select((item, index) => item.Read(element[index]))])!;
    }
}
