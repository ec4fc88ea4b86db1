namespace Orleans.Runtime;

/// <summary>The reserved beginnings of grain type names, and how to recognise who is behind an identity.</summary>
public static class GrainTypePrefix
{
    public const string SystemPrefix = "sys.";

    public const string SystemTargetPrefix = SystemPrefix + "svc.";

    public const string ClientPrefix = SystemPrefix + "client";

    public static readonly GrainType ClientGrainType = GrainType.Create(ClientPrefix);

    public static bool IsClient(this in GrainType type) => StartsWith(type, ClientPrefix);

    public static bool IsClient(this in GrainId id) => id.Type.IsClient();

    public static bool IsSystemTarget(this in GrainType type) => StartsWith(type, SystemTargetPrefix);

    public static bool IsSystemTarget(this in GrainId id) => id.Type.IsSystemTarget();

    private static bool StartsWith(GrainType type, string prefix) =>
        type.Value.ToString().StartsWith(prefix, StringComparison.Ordinal);
}
