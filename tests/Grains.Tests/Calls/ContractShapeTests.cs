using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.SharedShapes;
using FineTuneGrid.Silo;
using Orleans;

namespace FineTuneGrid.Grains.Tests.Calls;

/// <summary>Calls within a process share contract values: none of them may be one that somebody can change.</summary>
public sealed class ContractShapeTests
{
    [Theory]
    [InlineData(typeof(Plain), null)]
    [InlineData(typeof(FixedKind), null)]
    [InlineData(typeof(HoldsKind), null)]
    [InlineData(typeof(OpenKind), "OpenKind.Note")]
    [InlineData(typeof(HoldsOpenKind), "OpenKind.Note")]
    [InlineData(typeof(HoldsList), "HoldsList.Names")]
    [InlineData(typeof(HoldsArray), "HoldsArray.Numbers")]
    [InlineData(typeof(HoldsObject), "HoldsObject.Anything")]
    [InlineData(typeof(HoldsNested), "HoldsList.Names")]
    public void Obstacle_OfAType_IsItsFirstMemberThatCanChange(Type type, string? obstacle)
    {
        Assert.Equal(obstacle, ContractShape.Obstacle(type));
        Assert.Equal(obstacle is null, ContractShape.IsImmutable(type));
    }

    [Fact]
    public void ContractTypes_OfAllGrains_AreImmutable()
    {
        var types = new HashSet<Type>();
        foreach (var grain in typeof(IJobGrain).Assembly.GetTypes().Where(t => t.IsInterface && typeof(IGrain).IsAssignableFrom(t)))
            foreach (var method in grain.GetMethods())
                foreach (var type in method.GetParameters().Select(p => p.ParameterType).Append(method.ReturnType))
                    Collect(type, types);

        Assert.Empty(types.Select(ContractShape.Obstacle).OfType<string>().Distinct());
        // Those that the methods name; what these hold is looked at with them.
        Assert.InRange(types.Count, 30, 500);
    }

    private static void Collect(Type type, HashSet<Type> types)
    {
        foreach (var inner in type.IsArray ? [type.GetElementType()!] : type.GetGenericArguments())
            Collect(inner, types);
        if (type.Namespace?.StartsWith("FineTuneGrid.Contracts", StringComparison.Ordinal) == true && !type.IsArray)
            types.Add(type);
    }
}
