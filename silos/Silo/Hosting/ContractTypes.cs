using Orleans;
using Orleans.Serialization;

namespace FineTuneGrid.Silo;

/// <summary>
/// The types of our contract: they cross grain calls as JSON, and may be named on connections as what a list or a map holds, which
/// Orleans refuses for types that it knows no generated serializer of.
/// </summary>
internal sealed class ContractTypes : ITypeNameFilter
{
    private const string Root = "FineTuneGrid.Contracts";

    public static bool Contains(Type type) =>
        type.Namespace is { } name && IsInside(name) && !typeof(Exception).IsAssignableFrom(type) && !type.IsDefined(typeof(GenerateSerializerAttribute), false);

    public bool? IsTypeNameAllowed(string typeName, string assemblyName) => IsInside(typeName) && IsInside(assemblyName) ? true : null;

    private static bool IsInside(string name) => name == Root || name.StartsWith(Root + ".", StringComparison.Ordinal);
}
