using System.Collections.Concurrent;
using System.Reflection;
using System.Text.Json;
using Microsoft.Extensions.Options;
using Orleans.Serialization.Cloning;

namespace Orleans.Serialization;

/// <summary>
/// Finds how values of a type are copied between grains and written to connections. A type is supported when it is a scalar, a
/// common collection or tuple of supported types, marked with <see cref="GenerateSerializerAttribute"/>, a reference to a grain,
/// or claimed by a registered JSON serializer or copier; anything else is refused, so that the same code works with generated serializers.
/// </summary>
internal sealed class ValueCodecs(
    IEnumerable<IJsonTypes> jsonTypes, IEnumerable<IGeneralizedCopier> copiers, IEnumerable<ITypeNameFilter> filters, IOptions<ExceptionSerializationOptions> exceptions)
{
    private static readonly Dictionary<Type, Type> Generic = new()
    {
        [typeof(List<>)] = typeof(ListCodec<>),
        [typeof(HashSet<>)] = typeof(SetCodec<>),
        [typeof(Dictionary<,>)] = typeof(DictionaryCodec<,>),
    };

    private readonly IJsonTypes[] _jsonTypes = [.. jsonTypes];
    private readonly IGeneralizedCopier[] _copiers = [.. copiers];
    private readonly ConcurrentDictionary<Type, ValueCodec> _codecs = new();
    private readonly ConcurrentDictionary<Type, MemberCodec> _members = new();
    private readonly ConcurrentDictionary<Type, bool> _supported = new();

    /// <summary>Which types may be named on a connection.</summary>
    public NamedTypes Named { get; } = new(filters);

    /// <summary>Reads and writes references to grains; set by the silo or client, which knows the runtime behind them.</summary>
    public ValueCodec References { get; set; } = new LocalOnlyCodec(typeof(Runtime.GrainReference));

    public MemberCodec Member(Type declared) => _members.GetOrAdd(declared, static (type, self) => new MemberCodec(type, self), this);

    /// <exception cref="CodecNotFoundException">Values of this type cannot be sent.</exception>
    public ValueCodec For(Type type) => _codecs.GetOrAdd(type, static (key, self) => self.Create(key), this);

    public bool Supports(Type type) => _supported.GetOrAdd(type, static (key, self) => self.TryFind(key), this);

    private bool TryFind(Type type)
    {
        try
        {
            For(type);
            return true;
        }
        catch (CodecNotFoundException)
        {
            return false;
        }
    }

    private ValueCodec Create(Type type)
    {
        if (ScalarCodec.Supports(type))
            return new ScalarCodec(type);
        if (type == typeof(CancellationToken))
            return new CancellationTokenCodec();
        if (typeof(Runtime.GrainReference).IsAssignableFrom(type))
            return References;
        if (ConverterTable.Create(type, this) is { } converter)
            return converter;
        if (Array.Find(_jsonTypes, types => types.Claims(type)) is { } json && !type.IsArray)
            return Copied(type, new ExternalJsonCodec(type, json.Options));
        if (typeof(Exception).IsAssignableFrom(type))
            return CreateForException(type);
        return CreateForCollection(type)
            ?? CreateForAttributed(type)
            ?? (Copied(type, new LocalOnlyCodec(type)) as CopiedCodec)
            ?? throw new CodecNotFoundException(
                $"Could not find a copier for type {type}. Mark it with [GenerateSerializer] and its members with [Id], or register a JSON serializer for it.");
    }

    private ValueCodec Copied(Type type, ValueCodec codec) =>
        Array.Find(_copiers, copier => copier.IsSupportedType(type)) is { } copier ? new CopiedCodec(codec, copier) : codec;

    private ValueCodec CreateForException(Type type)
    {
        var prefixes = exceptions.Value.SupportedNamespacePrefixes;
        var travels = type.IsDefined(typeof(GenerateSerializerAttribute), false)
            || exceptions.Value.SupportedExceptionTypeFilter(type)
            || (type.Namespace is { } name && prefixes.Any(prefix => name.StartsWith(prefix, StringComparison.Ordinal)));
        return travels ? new ExceptionCodec(type, this) : new LocalOnlyCodec(type);
    }

    private ValueCodec? CreateForCollection(Type type)
    {
        if (type == typeof(byte[]))
            return new BytesCodec();
        if (type.IsSZArray)
            return CreateGeneric(typeof(ArrayCodec<>), type.GetElementType()!);
        if (TupleCodec.Supports(type))
            return new TupleCodec(type, this);
        return type.IsConstructedGenericType && Generic.TryGetValue(type.GetGenericTypeDefinition(), out var codec)
            ? CreateGeneric(codec, type.GetGenericArguments())
            : null;
    }

    private ValueCodec? CreateForAttributed(Type type)
    {
        if (type.IsDefined(typeof(GenerateSerializerAttribute), false) && !type.IsAbstract)
            return new MembersCodec(type, this);
        if (RuntimeScalarCodec.Supports(type))
            return new RuntimeScalarCodec(type);
        return null;
    }

    private ValueCodec CreateGeneric(Type codec, params Type[] arguments)
    {
        try
        {
            return (ValueCodec)Activator.CreateInstance(codec.MakeGenericType(arguments), this)!;
        }
        catch (TargetInvocationException exception) when (exception.InnerException is { } inner)
        {
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(inner);
            throw;
        }
    }
}

/// <summary>The types that a JSON serializer registered by the application takes on.</summary>
internal interface IJsonTypes
{
    JsonSerializerOptions Options { get; }

    bool Claims(Type type);
}

/// <summary>Identifiers of the runtime itself, each with its own JSON converter.</summary>
internal sealed class RuntimeScalarCodec(Type type) : ValueCodec
{
    public override bool IsImmutable => true;

    public static bool Supports(Type type) => type == typeof(Runtime.GrainId) || type == typeof(Runtime.SiloAddress) || type == typeof(Runtime.GrainType);

    public override object Copy(object value) => value;

    public override void Write(Utf8JsonWriter writer, object value)
    {
        if (value is Runtime.GrainType grainType)
            writer.WriteStringValue(grainType.ToString());
        else
            JsonSerializer.Serialize(writer, value, type);
    }

    public override object Read(JsonElement element) => type == typeof(Runtime.GrainType)
        ? Runtime.GrainType.Create(element.GetString() ?? throw new SerializerException("A grain type is null."))
        : element.Deserialize(type)!;
}
