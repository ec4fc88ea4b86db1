using System.Text.RegularExpressions;

namespace FineTuneGrid.Deploy;

public sealed partial class SettingTests
{
    /// <summary>Variables of the product's other programs.</summary>
    private static readonly string[] Others = ["FTG_URL", "FTG_API_KEY", "FTG_HUB_HTTP_HOSTS"];

    [Fact]
    public void EveryVariable_ThatADeploymentSets_IsOneThatTheProductReads()
    {
        var files = Repository.Files("deploy").Where(f => !f.StartsWith("deploy/airgap/", StringComparison.Ordinal)).Append("README.md").ToList();
        var found = files.SelectMany(f => Variable().Matches(Repository.Read(f)).Select(m => (File: f, m.Value))).ToList();
        Assert.Contains(found, f => f.Value == "FTG__Clustering__Redis");
        Assert.DoesNotContain(found, f => !Product.Variables.Contains(f.Value) && !Others.Contains(f.Value));
    }

    [GeneratedRegex(@"\bFTG_[A-Z_]*[A-Z](?![A-Za-z_])|\bFTG__\w+")]
    private static partial Regex Variable();
}
