using System.Diagnostics;
using FineTuneGrid.Host;
using Azure.Storage.Blobs;

namespace FineTuneGrid.Deploy;

/// <summary>The cluster of one machine: what its services need of each other, and of the product.</summary>
public sealed class ComposeTests
{
    private static readonly Tree File = Assert.Single(Tree.Parse(Repository.Read("deploy/compose/compose.yaml"), "compose.yaml"));

    private static readonly IReadOnlyList<(string Key, Tree Value)> Services = [.. File["services"].Members];

    [Fact]
    public void Cluster_IsTwoSilosTwoNodesAndTheirStores() =>
        Assert.Equal(["azurite", "node-1", "node-2", "redis", "silo-1", "silo-2", "tokens"], Services.Select(s => s.Key).Order(StringComparer.Ordinal));

    [Fact]
    public void Service_IsStartedAgain_AndMayStopInPeace()
    {
        foreach (var (name, service) in Services)
        {
            Assert.Equal(name == "tokens" ? "on-failure" : "always", service["restart"].Text);
            Assert.Matches(@":[^:/]+$", service["image"].Text);
            Assert.DoesNotMatch(":latest$", service["image"].Text);
            var grace = Product.Duration(service["stop_grace_period"].Text);
            Assert.True(grace >= TimeSpan.FromSeconds(60), name);
            if (name.StartsWith("silo", StringComparison.Ordinal)) Assert.True(grace > Product.ControlShutdown, name);
            if (name.StartsWith("node", StringComparison.Ordinal)) Assert.True(grace > Product.NodeShutdown, name);
        }
    }

    [Fact]
    public void Dependency_IsOnAServiceThatCanMeetIt()
    {
        foreach (var (needed, condition) in Services.Where(s => s.Value.Find("depends_on") is not null)
                     .SelectMany(s => s.Value["depends_on"].Members).Select(d => (File.At($"services.{d.Key}"), d.Value["condition"].Text)))
        {
            if (condition == "service_healthy") Assert.NotEmpty(needed.At("healthcheck.test").Texts);
            else Assert.Equal(("service_completed_successfully", "on-failure"), (condition, needed["restart"].Text));
        }
        Assert.Equal(["azurite", "redis"], File.At("services.silo-1.depends_on").Keys.Order(StringComparer.Ordinal));
        Assert.Equal(["azurite", "redis"], File.At("services.silo-2.depends_on").Keys.Order(StringComparer.Ordinal));
        Assert.Equal(["tokens"], File.At("services.node-1.depends_on").Keys);
    }

    [Fact]
    public void Image_IsBuiltFromAStageThatIsThere()
    {
        var built = Services.Where(s => s.Value.Find("build") is not null).ToList();
        Assert.Equal(4, built.Count);
        foreach (var (name, service) in built)
        {
            Assert.Equal(Repository.Root, Path.GetFullPath(Repository.Path("deploy/compose/" + service.At("build.context").Text)));
            var stage = Dockerfile.Read(service.At("build.dockerfile").Text)[service.At("build.target").Text];
            Assert.Equal($"finetunegrid/{stage.Name}:0.1.0", service["image"].Text);
        }
        Assert.Equal(File.At("services.silo-1.image").Text, File.At("services.tokens.image").Text);
        Assert.All(Services.Select(s => s.Value["image"].Text).Where(i => i.StartsWith("finetunegrid/", StringComparison.Ordinal)), i => Assert.EndsWith(":" + Version, i));
    }

    [Fact]
    public void SettingsAndArguments_AreTheProducts()
    {
        var control = Dockerfile.Read("deploy/docker/Dockerfile").Whole("control");
        var port = Product.Arguments(control.Last("CMD")!.Words).Port;
        foreach (var (name, service) in Services)
        {
            if (service.Find("environment") is { } environment)
            {
                Assert.All(environment.Keys, key => Assert.Contains(key, Product.Variables));
                Assert.Equal("/run/secrets", environment["FTG_SETTINGS_DIR"].Text);
            }
            if (name.StartsWith("silo", StringComparison.Ordinal))
            {
                Assert.Null(service.Find("command")); // The image's, whose ports these are:
                Assert.EndsWith($":{port}", Assert.Single(service["ports"].Texts));
                Assert.StartsWith("127.0.0.1:", Assert.Single(service["ports"].Texts));
                Assert.Equal($"http://127.0.0.1:{port}/readyz", service.At("healthcheck.test").Texts[^1]);
                Assert.Equal(name, service.At("environment.FTG__Clustering__Advertise").Text);
            }
            if (name.StartsWith("node", StringComparison.Ordinal))
            {
                var options = Product.Arguments(service["command"].Texts);
                Assert.False(options.IsControl);
                Assert.Equal((name, $"/tokens/{name}", name), (options.NodeName, options.TokenFile, options.TrainerAddress));
            }
        }
    }

    [Fact]
    public void Tokens_AreIssuedForEveryNode()
    {
        var script = Assert.Single(File.At("services.tokens.command").Texts);
        var program = Dockerfile.Read("deploy/docker/Dockerfile").Whole("control").Last("ENTRYPOINT")!.Words[0];
        Assert.Contains($"{program} --issue-token \"$$node\" --data /data", script);
        Assert.Contains($"for node in {string.Join(' ', Services.Select(s => s.Key).Where(k => k.StartsWith("node", StringComparison.Ordinal)))}; do", script);
        Assert.Equal("node-1", Product.Arguments(["--issue-token", "node-1", "--data", "/data"]).IssueToken);
    }

    [Fact]
    public void Redis_KeepsWhatItIsTold() =>
        Assert.Contains("--appendonly yes --dir /data", string.Join(' ', File.At("services.redis.command").Texts));

    [Fact]
    public void VolumesAndSecrets_AreDeclared_AndAllAreUsed()
    {
        var volumes = Services.Where(s => s.Value.Find("volumes") is not null).SelectMany(s => s.Value["volumes"].Texts).Select(v => v.Split(':')[0]).ToHashSet();
        Assert.Equal(File["volumes"].Keys.ToHashSet(), volumes);
        var secrets = Services.Where(s => s.Value.Find("secrets") is not null).SelectMany(s => s.Value["secrets"].Texts).ToHashSet();
        Assert.Equal(File["secrets"].Keys.ToHashSet(), secrets);
        Assert.DoesNotMatch("(?i)accountkey=|password=[^,]*[0-9a-z]", Repository.Read("deploy/compose/compose.yaml"));
    }

    [Fact]
    public async Task Init_MakesSecretsThatTheProductTakes_Once()
    {
        using var folder = new TemporaryFolder();
        System.IO.File.Copy(Repository.Path("deploy/compose/init.sh"), folder.At("init.sh"));
        Assert.Equal(0, await RunAsync("bash", folder.At("init.sh")));
        string Secret(string name) => System.IO.File.ReadAllText(folder.At("secrets/" + name));
        Assert.All(File["secrets"].Members, s => Assert.NotEmpty(System.IO.File.ReadAllText(folder.At(s.Value["file"].Text))));
        Assert.All(File.At("services.azurite.env_file").Texts, f => Assert.True(System.IO.File.Exists(folder.At(f)), f));
        Assert.Equal(0, await RunAsync("bash", "-c", $"[ $(stat -c %a {folder.At("secrets")}) = 700 ]"));

        var data = Directory.CreateDirectory(folder.At("data")).FullName;
        var settings = HostSettingsUnder(folder.At("secrets"), data);
        Assert.Equal(("redis", 6379), settings.Cluster.RedisServer);
        Assert.Contains($"password={Secret("redis-password")},", settings.Cluster.Redis);
        Assert.Equal($"requirepass {Secret("redis-password")}\n", Secret("redis.conf"));
        var container = new BlobContainerClient(settings.Storage.AzureBlob, "x");
        Assert.Equal("http://azurite:10000/finetunegrid/x", container.Uri.AbsoluteUri);
        Assert.True(container.CanGenerateSasUri);
        Assert.Contains($"AccountKey={Secret("azurite.env").Trim()["AZURITE_ACCOUNTS=finetunegrid:".Length..]};", settings.Storage.AzureBlob);

        var before = Secret("redis-password");
        Assert.Equal(1, await RunAsync("bash", folder.At("init.sh")));
        Assert.Equal(before, Secret("redis-password"));
    }

    internal static string Version => System.Xml.Linq.XDocument.Load(Repository.Path("Directory.Build.props")).Descendants("Version").Single().Value;

    private static HostSettings HostSettingsUnder(string secrets, string data)
    {
        Environment.SetEnvironmentVariable(SettingKeys.FilesVariable, secrets);
        try
        {
            return HostSettings.Load(data);
        }
        finally
        {
            Environment.SetEnvironmentVariable(SettingKeys.FilesVariable, null);
        }
    }

    private static async Task<int> RunAsync(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        await process.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(30));
        return process.ExitCode;
    }
}
