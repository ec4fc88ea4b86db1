using System.Diagnostics.CodeAnalysis;
using System.Reflection;

namespace Orleans.Runtime;

/// <summary>A reference to a grain. Instances also implement the grain interface they were made for.</summary>
public class GrainReference : DispatchProxy, IAddressable, IEquatable<GrainReference>
{
    private GrainId _grainId;
    private Type _interfaceType = typeof(IAddressable);
    private IRuntimeClient? _runtime;

    public GrainId GrainId => _grainId;

    public GrainInterfaceType InterfaceType => GrainInterfaceNames.Of(_interfaceType);

    public virtual string InterfaceName => InterfaceType.ToString();

    internal Type Interface => _interfaceType;

    public bool Equals(GrainReference? other) => other is not null && _grainId == other._grainId;

    public override bool Equals([NotNullWhen(true)] object? obj) => Equals(obj as GrainReference);

    public override int GetHashCode() => _grainId.GetHashCode();

    public sealed override string ToString() => $"GrainReference:{_grainId}:{InterfaceType}";

    public static bool operator ==(GrainReference? reference1, GrainReference? reference2) =>
        reference1 is null ? reference2 is null : reference1.Equals(reference2);

    public static bool operator !=(GrainReference? reference1, GrainReference? reference2) => !(reference1 == reference2);

    internal static GrainReference Create(Type interfaceType, GrainId grainId, IRuntimeClient runtime)
    {
        if (!interfaceType.IsInterface || !typeof(IAddressable).IsAssignableFrom(interfaceType))
            throw new ArgumentException($"{interfaceType} is not a grain interface.", nameof(interfaceType));
        var reference = (GrainReference)DispatchProxy.Create(interfaceType, typeof(GrainReference));
        reference._grainId = grainId;
        reference._interfaceType = interfaceType;
        reference._runtime = runtime;
        return reference;
    }

    internal GrainReference CastTo(Type interfaceType) =>
        interfaceType.IsInstanceOfType(this) ? this : Create(interfaceType, _grainId, _runtime!);

    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args)
    {
        var method = GrainMethod.Get(targetMethod!);
        return _runtime!.Calls.Call(this, method, args ?? []);
    }
}
