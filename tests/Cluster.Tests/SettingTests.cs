using FineTuneGrid.Storage.Tests;

namespace FineTuneGrid.Cluster;

/// <summary>Settings that cannot be, told at the start by the name of the key. The same with and without the real packages.</summary>
public sealed class SettingTests
{
    [Theory]
    [InlineData("FTG__Clustering__Redis", "127.0.0.1:6379", "needs storage that all silos share")]
    [InlineData("FTG__Clustering__Redis", "password=x", "names no server")]
    [InlineData("FTG__Clustering__SiloPort", "70000", "must be a port")]
    [InlineData("FTG__Clustering__GatewayPort", "x", "must be a port")]
    [InlineData("FTG__Clustering__Advertise", "no host", "must be an IP address or a name")]
    [InlineData("FTG__Clustering__ClusterId", "a b", "must be at most 64 letters")]
    [InlineData("FTG__Clustering__Secrets", "/no/such/folder", "names no folder")]
    [InlineData("FTG__Storage__Folder", "/no/such/folder", "names no folder")]
    [InlineData("FTG_SETTINGS_DIR", "/no/such/folder", "names no folder")]
    [InlineData("FTG__Clustering__Rediss", "x", "is not a setting")]
    [InlineData("FTG__Retention__UploadDays", "0", "must be a whole number from 1 to 3650")]
    [InlineData("FTG__Retention__CheckpointHours", "1", "must be a whole number from 2 to 87600")]
    [InlineData("FTG__Retention__UnreferencedDays", "soon", "must be a whole number")]
    [InlineData("FTG__Licenses__Policy", "/no/such/file", "names a file that cannot be read")]
    [InlineData("FTG__OpenAi__MaxFileBytes", "512MB", "must be a whole number of bytes")]
    [InlineData("FTG__OpenAi__MaxUploadBytes", "0", "must be a whole number of bytes")]
    [InlineData("FTG__Retention__AuditDays", "0", "must be a whole number from 1 to 3650")]
    [InlineData("FTG__Limits__RequestsPerSecond", "0", "must be a whole number from 1 to 1000000")]
    [InlineData("FTG__Limits__RequestBurst", "5", "means nothing without FTG__Limits__RequestsPerSecond")]
    [InlineData("FTG__Oidc__Issuer", "http://idp.example", "must be the provider's https address")]
    [InlineData("FTG__Oidc__AdminRole", "admin", "means nothing without FTG__Oidc__Issuer")]
    public async Task BadSetting_IsRefusedByName(string name, string value, string why) =>
        Assert.StartsWith($"error: The setting {name} {why}", await Refusal.OfAsync(new Dictionary<string, string> { [name] = value }), StringComparison.Ordinal);

    [Fact]
    public async Task RedisWithOneContainersAddress_NeedsAFolderOfSecrets()
    {
        var azurite = new AzuriteFixture();
        await azurite.InitializeAsync();
        try
        {
            var container = await azurite.NewContainerAsync();
            var address = container.GenerateSasUri(global::Azure.Storage.Sas.BlobContainerSasPermissions.All, DateTimeOffset.UtcNow.AddHours(1)).AbsoluteUri;
            var settings = new Dictionary<string, string> { ["FTG__Clustering__Redis"] = "127.0.0.1:6379", ["FTG__Storage__AzureBlob"] = address };
            Assert.StartsWith("error: The setting FTG__Clustering__Secrets must name a folder", await Refusal.OfAsync(settings), StringComparison.Ordinal);
        }
        finally
        {
            await azurite.DisposeAsync();
        }
    }

    [Fact]
    public async Task NodeWithoutSilos_IsRefusedByName() => Assert.StartsWith(
        "error: --cluster must be ADDRESS:PORT", await Refusal.OfAsync(new Dictionary<string, string>(), "--roles", "node", "--token-file", "/dev/null"), StringComparison.Ordinal);
}
