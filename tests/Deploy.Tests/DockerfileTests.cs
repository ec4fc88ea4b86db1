using System.Globalization;
using System.Text.RegularExpressions;

namespace FineTuneGrid.Deploy;

/// <summary>What a linter would say of the Dockerfiles, and whether what they name is there.</summary>
public sealed partial class DockerfileTests
{
    private const string Both = "deploy/docker/Dockerfile", Cuda = "deploy/docker/cuda.Dockerfile";

    public static TheoryData<string, string> Images => new() { { Both, "control" }, { Both, "node" }, { Cuda, "node" } };

    public static TheoryData<string> Files => new() { Both, Cuda };

    [Theory]
    [MemberData(nameof(Files))]
    public void Base_IsPinnedByATag_OrIsAnEarlierStage(string path)
    {
        var file = Dockerfile.Read(path);
        for (var i = 0; i < file.Stages.Count; i++)
        {
            var image = file.Stages[i].Base;
            if (file.Stages.Take(i).Any(s => s.Name == image)) continue;
            Assert.Matches(@":[^:/]+$", image);
            Assert.DoesNotMatch(":latest$", image);
        }
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void Copy_TakesWhatIsThere(string path)
    {
        var file = Dockerfile.Read(path);
        for (var i = 0; i < file.Stages.Count; i++)
        {
            foreach (var copy in file.Stages[i].All("COPY").Select(c => c.Text))
            {
                if (Copied().Match(copy) is not { Success: true } from)
                    Assert.Equal(". .", copy);
                else if (from.Groups["stage"].Value is var stage && !file.Stages.Take(i).Any(s => s.Name == stage))
                    Assert.Contains($"--build-context {stage}=", Repository.Read(path)); // A context of its own, which the header tells about.
                else if (from.Groups["source"].Value is var source && source.StartsWith("/out/", StringComparison.Ordinal))
                    Assert.Contains(source["/out/".Length..], (string[])[.. Product.Programs.Keys, "samples"]);
            }
        }
    }

    [Fact]
    public void Context_HoldsAllThatTheBuildNeeds_AndNoSecrets()
    {
        string[] files = ["grid", "global.json", "Directory.Build.props", "Directory.Build.targets", "Directory.Packages.props", "datasets/samples/train.parquet"];
        Assert.All(files, f => Assert.True(Repository.Has(f) && BuildContext.Sees(f), f));
        var projects = BuildContext.ProjectsOf(Product.Programs.Values);
        Assert.Contains("silos/Grains", projects);
        Assert.Contains("deploy/airgap/TorchSharp", projects);
        Assert.All(projects.Append("deploy/scripts").SelectMany(Repository.Files), f => Assert.True(BuildContext.Sees(f), $".dockerignore leaves out {f}"));
        Assert.All((string[])["deploy/compose/secrets/redis.conf", "data/admin.key", "artifacts/x", "silos/Grains/obj/x", ".git/config"], f => Assert.False(BuildContext.Sees(f), f));
    }

    [Fact]
    public void PublishedPrograms_AreWhatTheProjectsMake()
    {
        Assert.Equal(["FineTuneGrid.Host", "FineTuneGrid.Inspector", "FineTuneGrid.Trainer", "ftg"], Product.Programs.Keys.Order(StringComparer.Ordinal));
        Assert.All(Product.Programs, p => Assert.Equal(p.Key, Product.AssemblyOf(p.Value)));
        Assert.All(Product.Programs, p => Assert.Contains("<OutputType>Exe</OutputType>", File.ReadAllText(Product.ProjectFile(p.Value))));
    }

    [Theory]
    [MemberData(nameof(Images))]
    public void Image_RunsAPublishedProgram_AsNobody_AndStopsInPeace(string path, string stage)
    {
        var image = Dockerfile.Read(path).Whole(stage);
        var program = Assert.Single(image.Last("ENTRYPOINT")!.Words);
        var name = Path.GetFileName(program);
        Assert.Equal($"/opt/finetunegrid/{name}/{name}", program);
        Assert.Contains(image.All("COPY"), c => c.Text == $"--from=build /out/{name} /opt/finetunegrid/{name}");
        Assert.Equal("SIGTERM", image.Last("STOPSIGNAL")!.Text);
        Assert.Equal("10001:10001", image.Last("USER")!.Text);
        var arguments = image.Last("CMD")!.Words;
        var options = Product.Arguments(arguments);
        Assert.Equal("/data", options.Data);
        Assert.Contains(image.All("RUN"), r => r.Text.Contains("install -d -o 10001 -g 10001 -m 0700 /data", StringComparison.Ordinal));
        Assert.Equal(stage == "control", options.IsControl);
        Assert.Equal(path == Cuda ? "cuda" : "cpu", options.Device);
    }

    [Fact]
    public void ControlImage_ExposesAndProbes_ThePortsThatItListensOn()
    {
        var image = Dockerfile.Read(Both).Whole("control");
        var options = Product.Arguments(image.Last("CMD")!.Words);
        Assert.Equal([options.Port, options.SiloPort!.Value, options.ClusterPort!.Value], image.Last("EXPOSE")!.Text.Split(' ').Select(p => int.Parse(p, CultureInfo.InvariantCulture)));
        var probe = image.Last("HEALTHCHECK")!;
        Assert.Equal($"http://127.0.0.1:{options.Port}/readyz", probe.Words[^1]);
        Assert.Contains(probe.Words[0], image.All("RUN").SelectMany(r => r.Text.Split(' ')));
        Assert.True(Product.Duration(Flag(probe.Text, "timeout")) > TimeSpan.FromSeconds(5), "the route itself waits up to 5 s");
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void Packages_AreInstalledWithoutLeftovers(string path)
    {
        var runs = Dockerfile.Read(path).Stages.SelectMany(s => s.All("RUN")).Select(r => r.Text).Where(r => r.Contains("apt-get install", StringComparison.Ordinal)).ToList();
        Assert.NotEmpty(runs);
        Assert.All(runs, r => Assert.Matches(@"apt-get update +&& apt-get install -y --no-install-recommends [a-z0-9 .+-]+ && rm -rf /var/lib/apt/lists/\*", r));
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void Build_IsTheEverydayOne_AndDemandsTheNativePart(string path)
    {
        var build = Assert.Single(Dockerfile.Read(path)["build"].All("RUN"), r => r.Text.StartsWith("./grid ", StringComparison.Ordinal));
        Assert.Contains("./grid publish /out --packages \"$PACKAGES\" --trainer-packages \"$TRAINER_PACKAGES\"", build.Text);
        Assert.Contains("test -f /out/FineTuneGrid.Trainer/libGridNative.so", build.Text);
        Assert.Contains("publish) ", Repository.Read("grid"));
    }

    [Fact]
    public void HealthRoutes_AreTheGateways()
    {
        var routes = Repository.Read("FineTuneGrid/Gateway/Health/HealthApi.cs");
        Assert.Contains("MapGet(\"/readyz\"", routes);
        Assert.Contains("MapGet(\"/livez\"", routes);
    }

    private static string Flag(string text, string name) => Regex.Match(text, $@"--{name}=(\S+)").Groups[1].Value;

    [GeneratedRegex(@"^--from=(?<stage>\S+) (?<source>\S+) \S+$")]
    private static partial Regex Copied();
}
