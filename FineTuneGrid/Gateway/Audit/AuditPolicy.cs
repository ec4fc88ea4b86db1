namespace FineTuneGrid.Gateway.Audit;

/// <summary>When a request for a change is in the audit log.</summary>
public enum AuditMode
{
    /// <summary>Before its answer.</summary>
    BeforeAnswer,

    /// <summary>Within a second of its answer: for what comes often and says itself who asked for it, such as jobs.</summary>
    Soon,

    /// <summary>Not at all: the route changes nothing, whatever its method.</summary>
    Never,
}

/// <summary>How a route is audited. A route without it is audited before its answer, unless it is a GET or HEAD.</summary>
public sealed record AuditPolicy(AuditMode Mode);

/// <summary>What a change was of, where the address does not say it.</summary>
internal sealed record AuditSubject(string Name);

public static class AuditExtensions
{
    public static TBuilder Audited<TBuilder>(this TBuilder builder, AuditMode mode) where TBuilder : IEndpointConventionBuilder => builder.WithMetadata(new AuditPolicy(mode));

    /// <summary>Names what the request changes, for the audit log.</summary>
    public static void Changes(this HttpContext context, string name) => context.Features.Set(new AuditSubject(name));
}
