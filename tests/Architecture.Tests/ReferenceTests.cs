using System.Xml.Linq;

namespace FineTuneGrid.Architecture.Tests;

/// <summary>The references between projects are those of ARCHITECTURE.md, directly and through others.</summary>
public sealed class ReferenceTests
{
    private static readonly string Root = RepositoryRoot.Find();

    private static readonly Dictionary<string, string> Projects = Directory
        .EnumerateFiles(Root, "*.csproj", SearchOption.AllDirectories)
        .Where(p => !p.Contains("/artifacts/") && !p.Contains("/tests/"))
        .ToDictionary(p => Path.GetFileNameWithoutExtension(p).Replace("FineTuneGrid.", "", StringComparison.Ordinal));

    [Theory]
    [InlineData("Contracts")]
    [InlineData("Contracts.Grains", "Contracts", "Microsoft.Orleans.Sdk")]
    [InlineData("Telemetry", "Contracts")]
    [InlineData("Storage", "Contracts", "System.IO.Hashing")]
    [InlineData("Text", "Contracts")]
    [InlineData("Scheduling", "Contracts")]
    [InlineData("Shards", "Contracts", "Storage", "Text", "Parquet.Net", "System.IO.Hashing")]
    [InlineData("Models", "Contracts", "Storage", "TorchSharp", "System.IO.Hashing")]
    [InlineData("Inspector", "Models", "Shards", "Text", "Storage", "Contracts", "TorchSharp", "Parquet.Net", "System.IO.Hashing")]
    [InlineData("Native", "Contracts", "TorchSharp")]
    [InlineData("Trainer", "Models", "Native", "Shards", "Text", "Storage", "Telemetry", "Contracts", "TorchSharp", "Parquet.Net", "System.IO.Hashing")]
    [InlineData("Gateway", "Contracts.Grains", "Contracts", "Storage", "Microsoft.Orleans.Sdk", "System.IO.Hashing")]
    [InlineData("Grains", "Contracts.Grains", "Contracts", "Storage", "Scheduling", "Microsoft.Orleans.Sdk", "Microsoft.Orleans.Server", "System.IO.Hashing")]
    [InlineData("Client", "Contracts")]
    [InlineData("Cli", "Client", "Contracts", "Storage", "System.IO.Hashing")]
    public void Project_References_OnlyWhatTheArchitectureAllows(string project, params string[] allowed)
    {
        var reached = Reach(project);
        Assert.True(reached.IsSubsetOf(allowed), $"{project} reaches {string.Join(", ", reached.Except(allowed))}");
    }

    [Fact]
    public void Agent_KnowsGrainsButNoTensors()
    {
        var reached = Reach("Agent");
        Assert.Contains("Contracts.Grains", reached);
        Assert.DoesNotContain("TorchSharp", reached);
        Assert.DoesNotContain("Grains", reached);
    }

    [Theory]
    [InlineData("Trainer")]
    [InlineData("Inspector")]
    public void ChildProcess_NeverKnowsOrleans(string project) =>
        Assert.DoesNotContain(Reach(project), r => r.Contains("Orleans", StringComparison.Ordinal));

    [Fact]
    public void TopLevelFolders_AreTheFixedOnes()
    {
        var folders = Directory.EnumerateDirectories(Root).Select(d => Path.GetFileName(d)!)
            .Where(d => d[0] != '.' && d is not ("artifacts" or "data")).Order(StringComparer.Ordinal);
        Assert.Equal(["FineTuneGrid", "datasets", "deploy", "silos", "tests", "trainers"], folders);
    }

    [Fact]
    public void Solution_HoldsEveryProject()
    {
        var listed = XDocument.Load(Path.Combine(Root, "FineTuneGrid.slnx")).Descendants("Project").Select(p => (string)p.Attribute("Path")!).ToHashSet();
        var present = Directory.EnumerateFiles(Root, "*.csproj", SearchOption.AllDirectories).Where(p => !p.Contains("/artifacts/"))
            .Select(p => Path.GetRelativePath(Root, p)).Where(p => !p.Contains("/TestAssets/", StringComparison.Ordinal));
        Assert.Empty(present.Except(listed));
    }

    private static HashSet<string> Reach(string project)
    {
        var reached = new HashSet<string>();
        var open = new Stack<string>([project]);
        while (open.TryPop(out var next))
        {
            if (!Projects.TryGetValue(next, out var path)) continue;
            foreach (var name in Direct(path))
            {
                if (reached.Add(name) && !path.Contains("/deploy/airgap/", StringComparison.Ordinal)) open.Push(name);
            }
        }
        return reached;
    }

    private static IEnumerable<string> Direct(string path)
    {
        var items = XDocument.Load(path).Descendants().ToList();
        var projects = items.Where(i => i.Name.LocalName == "ProjectReference" && (string?)i.Attribute("ReferenceOutputAssembly") != "false")
            .Select(i => Path.GetFileNameWithoutExtension((string)i.Attribute("Include")!).Replace("FineTuneGrid.", "", StringComparison.Ordinal));
        var packages = items.Where(i => i.Name.LocalName == "GridPackage").Select(i => (string)i.Attribute("Include")!);
        // What the subsets reference among themselves is their own affair.
        return path.Contains("/deploy/airgap/", StringComparison.Ordinal) ? [] : projects.Concat(packages);
    }
}
