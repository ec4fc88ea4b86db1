using System.Collections.Concurrent;
using System.Reflection;
using System.Text.Json;
using Orleans.Serialization;

namespace Orleans
{
    /// <summary>Registers an <see cref="IConverter{TValue, TSurrogate}"/> for a type that cannot carry serialisation attributes.</summary>
    [AttributeUsage(AttributeTargets.Class | AttributeTargets.Struct | AttributeTargets.Enum)]
    public sealed class RegisterConverterAttribute : Attribute;

    /// <summary>Converts between a value and the surrogate that travels in its place.</summary>
    public interface IConverter<TValue, TSurrogate>
        where TSurrogate : struct
    {
        TValue ConvertFromSurrogate(in TSurrogate surrogate);

        TSurrogate ConvertToSurrogate(in TValue value);
    }
}

namespace Orleans.Serialization
{
    /// <summary>The registered converters of all loaded assemblies that know this one.</summary>
    internal static class ConverterTable
    {
        private static readonly ConcurrentDictionary<Assembly, (Type Value, Type Surrogate, Type Converter)[]> Found = new();

        public static ValueCodec? Create(Type type, ValueCodecs codecs)
        {
            foreach (var assembly in AppDomain.CurrentDomain.GetAssemblies())
                foreach (var (value, surrogate, converter) in Found.GetOrAdd(assembly, Scan))
                    if (value == type)
                        return (ValueCodec)Activator.CreateInstance(
                            typeof(ConverterCodec<,>).MakeGenericType(value, surrogate), Activator.CreateInstance(converter), codecs)!;
            return null;
        }

        private static (Type, Type, Type)[] Scan(Assembly assembly)
        {
            var self = typeof(ConverterTable).Assembly.GetName().Name;
            if (assembly.IsDynamic || assembly.GetReferencedAssemblies().All(name => name.Name != self))
                return [];
            return
            [
                .. from type in assembly.GetTypes()
                   where type.IsDefined(typeof(RegisterConverterAttribute), false)
                   from contract in type.GetInterfaces()
                   where contract.IsGenericType && contract.GetGenericTypeDefinition() == typeof(IConverter<,>)
                   let arguments = contract.GetGenericArguments()
                   select (arguments[0], arguments[1], type),
            ];
        }
    }

    /// <summary>A value that travels as its surrogate. Converted values are taken to be copied by the conversion.</summary>
    internal sealed class ConverterCodec<TValue, TSurrogate>(IConverter<TValue, TSurrogate> converter, ValueCodecs codecs) : ValueCodec
        where TValue : notnull
        where TSurrogate : struct
    {
        private readonly MemberCodec _surrogate = codecs.Member(typeof(TSurrogate));

        // Exceptions are passed on as they are within a process, with their stack.
        public override bool IsImmutable => typeof(Exception).IsAssignableFrom(typeof(TValue));

        public override object Copy(object value)
        {
            if (IsImmutable)
                return value;
            var surrogate = converter.ConvertToSurrogate((TValue)value);
            return converter.ConvertFromSurrogate((TSurrogate)_surrogate.Copy(surrogate)!);
        }

        public override void Write(Utf8JsonWriter writer, object value) => _surrogate.Write(writer, converter.ConvertToSurrogate((TValue)value));

        public override object Read(JsonElement element) => converter.ConvertFromSurrogate((TSurrogate)_surrogate.Read(element)!);
    }
}
