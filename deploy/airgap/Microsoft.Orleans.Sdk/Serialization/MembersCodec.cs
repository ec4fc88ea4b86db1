using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text.Json;

namespace Orleans.Serialization;

/// <summary>
/// A type marked with <see cref="GenerateSerializerAttribute"/>: the members marked with <see cref="IdAttribute"/>, and the
/// parameters of a record's primary constructor, of each class in the hierarchy that carries the mark.
/// Written as one object per such class, base first, with the member numbers as names.
/// </summary>
internal sealed class MembersCodec : ValueCodec
{
    private readonly Type _type;
    private readonly Level[] _levels;
    private readonly bool _immutable;

    public MembersCodec(Type type, ValueCodecs codecs)
    {
        _type = type;
        _immutable = type.IsDefined(typeof(ImmutableAttribute), false);
        _levels = [.. Hierarchy(type).Select(level => new Level(level, codecs))];
    }

    public override bool IsImmutable => _immutable;

    public override object Copy(object value)
    {
        if (_immutable)
            return value;
        var copy = Create();
        foreach (var member in _levels.SelectMany(level => level.Members))
            member.Set(copy, member.Codec.Copy(member.Get(value)));
        return copy;
    }

    public override void Write(Utf8JsonWriter writer, object value)
    {
        writer.WriteStartArray();
        foreach (var level in _levels)
            level.Write(writer, value);
        writer.WriteEndArray();
    }

    public override object Read(JsonElement element)
    {
        if (element.GetArrayLength() != _levels.Length)
            throw new SerializerException($"A value of {_type} has {element.GetArrayLength()} levels instead of {_levels.Length}.");
        var result = Create();
        for (var i = 0; i < _levels.Length; i++)
            _levels[i].Read(element[i], result);
        return result;
    }

    internal static IEnumerable<Type> Hierarchy(Type type)
    {
        var levels = new Stack<Type>();
        for (var level = type; level is not null && level != typeof(object); level = level.BaseType)
        {
            if (level.IsDefined(typeof(GenerateSerializerAttribute), false))
                levels.Push(level);
        }

        return levels;
    }

    private object Create() => _type.IsValueType || _type.GetConstructor(Type.EmptyTypes) is not null
        ? Activator.CreateInstance(_type)!
        : RuntimeHelpers.GetUninitializedObject(_type);

    /// <summary>The members that one class of the hierarchy declares.</summary>
    internal sealed class Level
    {
        private const BindingFlags Declared =
            BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;

        public Level(Type type, ValueCodecs codecs)
        {
            var fields = type.GetFields(Declared);
            var members = fields.Where(field => field.IsDefined(typeof(IdAttribute)))
                .Select(field => new Member(field, field.GetCustomAttribute<IdAttribute>()!.Id.ToString(), codecs));
            var properties = type.GetProperties(Declared)
                .Where(property => property.IsDefined(typeof(IdAttribute)))
                .Select(property => new Member(
                    BackingField(property, fields), property.GetCustomAttribute<IdAttribute>()!.Id.ToString(), codecs));
            var parameters = PrimaryConstructorProperties(type)
                .Where(property => !property.IsDefined(typeof(IdAttribute)))
                .Select((property, index) => new Member(BackingField(property, fields), $"p{index}", codecs));
            Members = [.. members, .. properties, .. parameters];
        }

        public Member[] Members { get; }

        public void Write(Utf8JsonWriter writer, object value)
        {
            writer.WriteStartObject();
            foreach (var member in Members)
            {
                writer.WritePropertyName(member.Name);
                member.Codec.Write(writer, member.Get(value));
            }

            writer.WriteEndObject();
        }

        public void Read(JsonElement element, object target)
        {
            foreach (var member in Members)
            {
                if (element.TryGetProperty(member.Name, out var value))
                    member.Set(target, member.Codec.Read(value));
            }
        }

        private static FieldInfo BackingField(PropertyInfo property, FieldInfo[] fields) =>
            Array.Find(fields, field => field.Name == $"<{property.Name}>k__BackingField")
            ?? throw new CodecNotFoundException(
                $"{property.DeclaringType}.{property.Name} is marked with [Id] but is not an auto-property: mark its field instead.");

        private static IEnumerable<PropertyInfo> PrimaryConstructorProperties(Type type)
        {
            // A record has a compiler-made clone method; its primary constructor's parameters are properties of the same name and type.
            if (type.GetMethod("<Clone>$", Declared) is null && type.GetMethod("PrintMembers", Declared) is null)
                return [];
            var properties = type.GetProperties(Declared);
            return type.GetConstructors(Declared)
                .Select(constructor => constructor.GetParameters())
                .Where(parameters => parameters.Length > 0 && parameters[0].ParameterType != type)
                .Select(parameters => parameters
                    .Select(parameter => Array.Find(properties, p => p.Name == parameter.Name && p.PropertyType == parameter.ParameterType))
                    .ToArray())
                .Where(found => !found.Contains(null))
                .OrderByDescending(found => found.Length)
                .FirstOrDefault()!?.Select(property => property!) ?? [];
        }
    }

    /// <summary>One serialised field.</summary>
    internal sealed class Member(FieldInfo storage, string name, ValueCodecs codecs)
    {
        private MemberCodec? _codec;

        public string Name => name;

        // Found late: types may refer to themselves.
        public MemberCodec Codec => _codec ??= codecs.Member(storage.FieldType);

        public object? Get(object target) => storage.GetValue(target);

        public void Set(object target, object? value) => storage.SetValue(target, value);
    }
}
