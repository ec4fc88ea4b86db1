using System.Diagnostics;
using System.Text.RegularExpressions;

namespace FineTuneGrid.Deploy;

/// <summary>The units, by systemd's own checks where it is installed, and against what the product needs of them.</summary>
public sealed partial class SystemdTests
{
    private const string Folder = "deploy/systemd";
    private const string Analyze = "/usr/bin/systemd-analyze";

    /// <summary>Tenths of systemd's exposure level: below 5.0 it calls a service OK.</summary>
    private const int Exposure = 45;

    public static TheoryData<string> Units => new() { "finetunegrid-control.service", "finetunegrid-node@.service" };

    [Theory]
    [MemberData(nameof(Units))]
    public async Task Unit_PassesSystemdsOwnChecks(string unit)
    {
        Assert.StartsWith("[Unit]", Repository.Read($"{Folder}/{unit}").Split('\n').First(l => l.Length > 0 && l[0] != '#'));
        if (!File.Exists(Analyze)) return; // The tests below read the units without it.
        using var folder = new TemporaryFolder();
        // Only the program's place is another, since nothing is installed here.
        await File.WriteAllTextAsync(folder.At(unit), Repository.Read($"{Folder}/{unit}").Replace("ExecStart=/opt/finetunegrid/FineTuneGrid.Host/FineTuneGrid.Host", "ExecStart=/bin/true", StringComparison.Ordinal));
        Assert.Equal((0, ""), await RunAsync("verify", folder.At(unit)));
        var (exit, report) = await RunAsync("security", "--offline=true", $"--threshold={Exposure}", folder.At(unit));
        Assert.True(exit == 0, report);
    }

    [Theory]
    [MemberData(nameof(Units))]
    public void Unit_RunsAPublishedProgram_WithArgumentsThatItTakes(string unit)
    {
        var service = Service(unit);
        var command = One(service, "ExecStart").Split(' ');
        var name = Path.GetFileName(command[0]);
        Assert.Equal($"/opt/finetunegrid/{name}/{name}", command[0]);
        Assert.Contains(name, Product.Programs.Keys);
        var control = unit.Contains("control", StringComparison.Ordinal);
        var environment = Environment(control ? "control.env.example" : "node.env.example");
        Assert.Equal(control ? "/etc/finetunegrid/control.env" : "/etc/finetunegrid/node.env", One(service, "EnvironmentFile"));
        var words = command.Skip(1).SelectMany(w => w switch
        {
            "%i" => ["gpu-1"],
            ['$', not '{', ..] => environment[w[1..]].Split(' '),
            _ => (string[])[w],
        });
        var options = Product.Arguments(words);
        Assert.Equal(control, options.IsControl);
        Assert.Contains(options.Data, ((string[])[.. One(service, "StateDirectory").Split(' ')]).Select(d => "/var/lib/" + d));
        if (control) return;
        Assert.Equal("gpu-1", options.NodeName);
        Assert.Equal("${CREDENTIALS_DIRECTORY}/" + One(service, "LoadCredential").Split(':')[0], options.TokenFile);
    }

    [Theory]
    [InlineData("control.env.example")]
    [InlineData("node.env.example")]
    public void Settings_AreTheProducts(string file)
    {
        var names = Setting().Matches(Repository.Read($"{Folder}/{file}")).Select(m => m.Groups[1].Value).ToList();
        Assert.Contains("FTG__Clustering__Redis", names);
        Assert.All(names, n => Assert.Contains(n, Product.Variables));
    }

    [Theory]
    [MemberData(nameof(Units))]
    public void Service_IsStartedAgain_AndMayStopInPeace(string unit)
    {
        var service = Service(unit);
        Assert.Equal("always", One(service, "Restart"));
        var patience = Product.Duration(One(service, "TimeoutStopSec"));
        Assert.True(patience >= TimeSpan.FromSeconds(60));
        Assert.True(patience > (unit.Contains("control", StringComparison.Ordinal) ? Product.ControlShutdown : Product.NodeShutdown));
        Assert.DoesNotContain("MemoryDenyWriteExecute", service.Select(s => s.Key)); // .NET compiles while it runs.
        Assert.Equal("yes", One(service, "NoNewPrivileges"));
        Assert.Equal("strict", One(service, "ProtectSystem"));
    }

    [Fact]
    public void NodeUnit_LeavesTrainersAndGpusAlone()
    {
        var service = Service("finetunegrid-node@.service");
        Assert.Equal("process", One(service, "KillMode"));
        Assert.Equal("continue", One(service, "OOMPolicy"));
        Assert.DoesNotContain(service.Select(s => s.Key), k => k is "PrivateDevices" or "PrivateTmp" or "DevicePolicy" or "RemoveIPC");
        Assert.Contains("TMPDIR=/var/lib/finetunegrid/node/tmp", One(service, "Environment"));
        Assert.Contains("finetunegrid/node/tmp", One(service, "StateDirectory").Split(' '));
    }

    [Fact]
    public void User_IsMade()
    {
        Assert.All((string[])["finetunegrid-control.service", "finetunegrid-node@.service"], u => Assert.Equal("finetunegrid", One(Service(u), "User")));
        Assert.Matches("^u finetunegrid - ", Repository.Read($"{Folder}/sysusers.conf"));
    }

    private static string One(IEnumerable<KeyValuePair<string, string>> service, string key) => Assert.Single(service, s => s.Key == key).Value;

    private static List<KeyValuePair<string, string>> Service(string unit)
    {
        var text = Repository.Read($"{Folder}/{unit}");
        var section = text[text.IndexOf("[Service]\n", StringComparison.Ordinal)..text.IndexOf("[Install]\n", StringComparison.Ordinal)];
        return [.. section.Split('\n').Skip(1).Where(l => l.Length > 0 && l[0] != '#').Select(l => l.Split('=', 2)).Select(p => KeyValuePair.Create(p[0], p[1]))];
    }

    private static Dictionary<string, string> Environment(string file) => Repository.Read($"{Folder}/{file}").Split('\n')
        .Where(l => l.Length > 0 && l[0] != '#').Select(l => l.Split('=', 2)).ToDictionary(p => p[0], p => p[1]);

    private static async Task<(int Exit, string Output)> RunAsync(params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(Analyze, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(30));
        return (process.ExitCode, await errors + await output);
    }

    [GeneratedRegex(@"^#?(FTG_\w+)=", RegexOptions.Multiline)]
    private static partial Regex Setting();
}
