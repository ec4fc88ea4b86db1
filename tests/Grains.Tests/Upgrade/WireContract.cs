using System.Reflection;
using System.Text.Json.Serialization.Metadata;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Grains.Jobs;
using FineTuneGrid.Grains.Nodes;
using FineTuneGrid.Grains.Registry;
using Orleans;

namespace FineTuneGrid.Grains.Tests.Upgrade;

/// <summary>
/// What silos, gateways and agents of neighbouring versions must agree on, one line each: the methods of grains by their aliases,
/// the members of what they carry and of stored states by their JSON names, the fields of what Orleans itself serializes by their ids.
/// </summary>
internal sealed class WireContract
{
    private static readonly Type[] States =
    [
        typeof(JobState), typeof(NodeState), typeof(AdapterState), typeof(DirectoryState), typeof(OrgState), typeof(AssetState<ModelManifest>), typeof(AssetState<DatasetManifest>),
    ];

    private readonly SortedSet<string> _lines = new(StringComparer.Ordinal);
    private readonly HashSet<Type> _seen = [];

    private WireContract()
    {
    }

    public static IReadOnlyCollection<string> Describe()
    {
        var contract = new WireContract();
        // Of ours, not of what Orleans generates beside it.
        foreach (var type in typeof(IJobGrain).Assembly.GetTypes().Where(t => t.Namespace?.StartsWith("FineTuneGrid.", StringComparison.Ordinal) == true))
        {
            if (type.IsInterface && typeof(IGrain).IsAssignableFrom(type)) contract.AddGrain(type);
            else if (type.IsDefined(typeof(GenerateSerializerAttribute), false)) contract.AddFields(type);
        }
        foreach (var state in States) contract.AddJson(state);
        return contract._lines;
    }

    private void AddGrain(Type grain)
    {
        var alias = AliasOf(grain);
        foreach (var method in grain.GetMethods())
        {
            var parameters = method.GetParameters().Select(p => p.ParameterType).ToList();
            _lines.Add($"grain {alias} {AliasOf(method)}({string.Join(", ", parameters.Select(NameOf))}): {NameOf(method.ReturnType)}");
            foreach (var type in parameters.Append(method.ReturnType)) Follow(type);
        }
    }

    private void AddFields(Type type)
    {
        foreach (var field in type.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic))
        {
            if (field.GetCustomAttribute<IdAttribute>() is not { } id) continue;
            _lines.Add($"fields {AliasOf(type)} {id.Id}: {NameOf(field.FieldType)}");
            Follow(field.FieldType);
        }
    }

    private void AddJson(Type type)
    {
        if (!_seen.Add(type)) return;
        if (type.IsEnum)
        {
            foreach (var value in Enum.GetValues(type)) _lines.Add($"value {NameOf(type)}: {GridJson.ToText(value).Trim('"')}");
            return;
        }
        var info = GridJson.Options.GetTypeInfo(type);
        foreach (var derived in info.PolymorphismOptions?.DerivedTypes ?? [])
        {
            _lines.Add($"json {NameOf(type)} {info.PolymorphismOptions!.TypeDiscriminatorPropertyName}={derived.TypeDiscriminator}: {NameOf(derived.DerivedType)}");
            AddJson(derived.DerivedType);
        }
        foreach (var member in info.Kind == JsonTypeInfoKind.Object ? info.Properties : [])
        {
            if (member.Get is null) continue;
            _lines.Add($"json {NameOf(type)}.{member.Name}: {NameOf(member.PropertyType)}{(member.IsRequired ? ", required" : "")}");
            if (member.CustomConverter is null) Follow(member.PropertyType);
        }
    }

    /// <summary>Adds the product's own types within a type.</summary>
    private void Follow(Type type)
    {
        if (type.IsGenericType || type.HasElementType)
        {
            foreach (var inner in type.HasElementType ? [type.GetElementType()!] : type.GetGenericArguments()) Follow(inner);
        }
        if (type.Namespace?.StartsWith("FineTuneGrid.", StringComparison.Ordinal) == true && !type.HasElementType) AddJson(type);
    }

    private static string AliasOf(MemberInfo member) => member.GetCustomAttribute<AliasAttribute>()?.Alias
        ?? throw new InvalidOperationException($"{member.DeclaringType?.Name} {member.Name} has no [Alias]: its name on the wire would change with its name in the code.");

    private static string NameOf(Type type)
    {
        if (type.HasElementType) return NameOf(type.GetElementType()!) + "[]";
        if (!type.IsGenericType) return type.Name;
        return $"{type.Name[..type.Name.IndexOf('`', StringComparison.Ordinal)]}<{string.Join(", ", type.GetGenericArguments().Select(NameOf))}>";
    }
}
