using System.Text;
using FineTuneGrid.Contracts.Licensing;

namespace FineTuneGrid.Contracts.Tests;

public sealed class LicensePolicyTests
{
    private static readonly LicensePolicy Policy = Parse("""
        {"rules":[
          {"data":"*-nc-*","at":["pull"],"reason":"Not for customers."},
          {"base":"llama*","data":"unknown","reason":"Say where the data is from."}]}
        """);

    [Theory]
    [InlineData(LicenseGate.Pull, "mit", "cc-by-nc-4.0", "Not for customers.")]
    [InlineData(LicenseGate.Pull, "mit", "CC-BY-NC-4.0", "Not for customers.")]
    [InlineData(LicenseGate.Submit, "mit", "cc-by-nc-4.0", null)]
    [InlineData(LicenseGate.Submit, "llama3.1", null, "Say where the data is from.")]
    [InlineData(LicenseGate.Pull, "Llama2", "unknown", "Say where the data is from.")]
    [InlineData(LicenseGate.Submit, "apache-2.0", null, null)]
    [InlineData(LicenseGate.Submit, null, null, null)]
    [InlineData(LicenseGate.Submit, "my-llama", null, null)]
    public void Refusal_IsTheFirstRuleThatMatches(LicenseGate gate, string? baseLicense, string? data, string? reason) =>
        Assert.Equal(reason, Policy.Refusal(gate, baseLicense, data)?.Reason);

    [Fact]
    public void Require_Refused_NamesBothLicencesAndTheReason()
    {
        var refused = Assert.Throws<GridException>(() => Policy.Require(LicenseGate.Submit, "llama3", null, "data.train"));
        Assert.Equal((ErrorCodes.LicenseRefused, "data.train"), (refused.Code, refused.Field));
        Assert.Contains("'llama3' with data under 'unknown': Say where", refused.Message);
    }

    [Theory]
    [InlineData("[]", "cannot be read")]
    [InlineData("{}", "no list 'rules'")]
    [InlineData("""{"rules":[null]}""", "rules")]
    [InlineData("""{"rules":[{"base":"*"}]}""", "rules[0].reason")]
    [InlineData("""{"rules":[{"reason":"x"}]}""", "rules[0]")]
    [InlineData("""{"rules":[{"base":"*","reason":"x","at":["never"]}]}""", "cannot be read")]
    [InlineData("""{"rules":[{"bas":"*","reason":"x"}]}""", "cannot be read")]
    public void Parse_OfWhatIsNoPolicy_SaysWhatIsWrong(string json, string says) =>
        Assert.Contains(says, Assert.Throws<GridException>(() => Parse(json)).Message);

    private static LicensePolicy Parse(string json) => LicensePolicy.Parse(Encoding.UTF8.GetBytes(json));
}
