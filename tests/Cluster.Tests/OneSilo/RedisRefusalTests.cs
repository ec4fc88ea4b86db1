namespace FineTuneGrid.Cluster;

/// <summary>The subset of Orleans runs one silo, and says so.</summary>
public sealed class RedisRefusalTests
{
    [Theory]
    [InlineData("silo,gateway,node")]
    [InlineData("node")]
    public async Task Redis_AskedForWithoutTheRealPackages_IsRefusedByName(string roles)
    {
        var shared = Directory.CreateTempSubdirectory("ftg-cluster-").FullName;
        try
        {
            var settings = new Dictionary<string, string> { ["FTG__Clustering__Redis"] = "127.0.0.1:6379", ["FTG__Storage__Folder"] = shared };
            var refusal = await Refusal.OfAsync(settings, "--roles", roles, "--token-file", "/dev/null");
            Assert.StartsWith("error: The setting FTG__Clustering__Redis cannot be used: Redis clustering was asked for, but this build holds only the single-silo subset", refusal, StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(shared, recursive: true);
        }
    }
}
