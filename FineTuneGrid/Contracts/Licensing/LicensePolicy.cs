using System.Text.Json;

namespace FineTuneGrid.Contracts.Licensing;

/// <summary>Where a combination of licences can be refused.</summary>
public enum LicenseGate
{
    Submit,
    Pull,
}

/// <summary>Refuses a combination of a base model's and a data set's licence.</summary>
/// <param name="Base">Pattern for the base's licence; <c>*</c> stands for any text, null for any licence.</param>
/// <param name="Data">The same for the data set's.</param>
/// <param name="At">Null: everywhere.</param>
/// <param name="Reason">Told to whom is refused.</param>
public sealed record LicenseRule(string? Base, string? Data, IReadOnlyList<LicenseGate>? At, string Reason);

/// <summary>Which licences may go together. The first rule that matches refuses; nothing else is refused.</summary>
public sealed record LicensePolicy(IReadOnlyList<LicenseRule> Rules)
{
    /// <summary>What a licence that nobody stated is called in patterns.</summary>
    public const string Unknown = "unknown";

    private static readonly JsonSerializerOptions Strict = new(GridJson.Options)
    {
        UnmappedMemberHandling = System.Text.Json.Serialization.JsonUnmappedMemberHandling.Disallow, RespectRequiredConstructorParameters = false,
    };

    public static LicensePolicy AllowAll { get; } = new([]);

    /// <summary>From <c>{"rules":[{"base","data","at":["submit","pull"],"reason"}]}</c>.</summary>
    /// <exception cref="GridException">invalid_value, naming what is wrong with it.</exception>
    public static LicensePolicy Parse(ReadOnlySpan<byte> json)
    {
        LicensePolicy? policy;
        try
        {
            policy = JsonSerializer.Deserialize<LicensePolicy>(json, Strict);
        }
        catch (JsonException e)
        {
            throw new GridException(ErrorCodes.InvalidValue, $"The licence policy cannot be read: {e.Message}", "rules", inner: e);
        }
        if (policy?.Rules is not { } rules || rules.Any(r => r is null))
            throw new GridException(ErrorCodes.InvalidValue, "The licence policy has no list 'rules'.", "rules");
        for (var i = 0; i < rules.Count; i++)
        {
            if (string.IsNullOrWhiteSpace(rules[i].Reason))
                throw new GridException(ErrorCodes.InvalidValue, $"rules[{i}].reason of the licence policy is missing; it is what a refused user reads.", $"rules[{i}].reason");
            if (rules[i] is { Base: null, Data: null })
                throw new GridException(ErrorCodes.InvalidValue, $"rules[{i}] of the licence policy names neither base nor data; it would refuse everything.", $"rules[{i}]");
        }
        return policy;
    }

    /// <summary>The rule that refuses; null where none does.</summary>
    public LicenseRule? Refusal(LicenseGate gate, string? baseLicense, string? dataLicense) => Rules.FirstOrDefault(r =>
        (r.At is null || r.At.Contains(gate)) && Matches(r.Base, baseLicense) && Matches(r.Data, dataLicense));

    /// <exception cref="GridException">license_refused.</exception>
    public void Require(LicenseGate gate, string? baseLicense, string? dataLicense, string? field = null)
    {
        if (Refusal(gate, baseLicense, dataLicense) is { } rule)
            throw new GridException(ErrorCodes.LicenseRefused,
                $"This grid's licence policy refuses a base under '{baseLicense ?? Unknown}' with data under '{dataLicense ?? Unknown}': {rule.Reason}", field);
    }

    private static bool Matches(string? pattern, string? license) =>
        pattern is null || System.IO.Enumeration.FileSystemName.MatchesSimpleExpression(pattern, license ?? Unknown, ignoreCase: true);
}
