using System.Globalization;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using FineTuneGrid.Host;

namespace FineTuneGrid.Deploy;

/// <summary>What the product itself says about its settings, arguments, programs and limits.</summary>
internal static partial class Product
{
    /// <summary>Variables that the host reads.</summary>
    public static IReadOnlySet<string> Variables { get; } = SettingKeys.All.Select(SettingKeys.Variable).Append(SettingKeys.FilesVariable).ToHashSet();

    public static TimeSpan ControlShutdown => ControlHost.ShutdownLimit;

    public static TimeSpan NodeShutdown => NodeHost.ShutdownLimit;

    /// <summary>What <c>./grid publish</c> makes: the program and its project's folder.</summary>
    public static IReadOnlyDictionary<string, string> Programs { get; } = PublishLine().Matches(Repository.Read("deploy/scripts/publish.sh"))
        .ToDictionary(m => m.Groups["name"].Value, m => m.Groups["project"].Value);

    /// <summary>Reads a command line as the program does: throws what it would refuse it with.</summary>
    public static HostOptions Arguments(IEnumerable<string> arguments) => HostOptions.Parse([.. arguments]);

    public static string ProjectFile(string folder) => Assert.Single(Directory.GetFiles(Repository.Path(folder), "*.csproj"));

    /// <summary>The assembly that a project makes.</summary>
    public static string AssemblyOf(string folder)
    {
        var file = ProjectFile(folder);
        return XDocument.Load(file).Descendants("AssemblyName").FirstOrDefault()?.Value ?? Path.GetFileNameWithoutExtension(file);
    }

    /// <summary>Seconds of <c>90s</c> or <c>2m</c> or <c>90</c>.</summary>
    public static TimeSpan Duration(string text)
    {
        var number = double.Parse(text.TrimEnd('s', 'm'), CultureInfo.InvariantCulture);
        return text.EndsWith('m') ? TimeSpan.FromMinutes(number) : TimeSpan.FromSeconds(number);
    }

    [GeneratedRegex(@"^    publish_program (?<name>\S+) (?<project>\S+)$", RegexOptions.Multiline)]
    private static partial Regex PublishLine();
}
