using System.Text.Json;
using System.Text.RegularExpressions;

namespace FineTuneGrid.Deploy;

internal sealed record Instruction(string Name, string Text)
{
    /// <summary>Of a JSON form: its words.</summary>
    public IReadOnlyList<string> Words => JsonSerializer.Deserialize<List<string>>(Text[Text.IndexOf('[')..])!;
}

/// <param name="Base">With the build arguments put in.</param>
internal sealed record Stage(string Name, string Base, IReadOnlyList<Instruction> Instructions)
{
    public Instruction? Last(string instruction) => Instructions.LastOrDefault(i => i.Name == instruction);

    public IEnumerable<Instruction> All(string instruction) => Instructions.Where(i => i.Name == instruction);
}

/// <summary>Instructions of a Dockerfile by stage.</summary>
internal sealed partial class Dockerfile
{
    private Dockerfile(string path, IReadOnlyList<Stage> stages) => (Path, Stages) = (path, stages);

    public string Path { get; }

    public IReadOnlyList<Stage> Stages { get; }

    public Stage this[string stage] => Stages.Single(s => s.Name == stage);

    /// <summary>What a stage has, with all that it was built from in this file; oldest first.</summary>
    public Stage Whole(string name)
    {
        var stage = this[name];
        return Stages.Any(s => s.Name == stage.Base) && Whole(stage.Base) is var below
            ? stage with { Base = below.Base, Instructions = [.. below.Instructions, .. stage.Instructions] }
            : stage;
    }

    public static Dockerfile Read(string path)
    {
        var arguments = new Dictionary<string, string>();
        var stages = new List<Stage>();
        foreach (var instruction in Instructions(Repository.Read(path)))
        {
            if (instruction.Name == "FROM" && From().Match(Substitute(instruction.Text, arguments)) is var from)
                stages.Add(new Stage(from.Groups["name"].Value, from.Groups["base"].Value, []));
            else if (stages.Count > 0)
                stages[^1] = stages[^1] with { Instructions = [.. stages[^1].Instructions, instruction] };
            else if (instruction.Name == "ARG" && instruction.Text.Split('=', 2) is [var key, var value])
                arguments[key] = value;
            else
                throw new InvalidDataException($"{path}: {instruction.Name} before the first FROM");
        }
        return new Dockerfile(path, stages);
    }

    private static IEnumerable<Instruction> Instructions(string text)
    {
        var lines = string.Join('\n', text.Split('\n').Where(l => !l.TrimStart().StartsWith('#'))).Replace("\\\n", " ", StringComparison.Ordinal);
        foreach (var line in lines.Split('\n').Select(l => l.Trim()).Where(l => l.Length > 0))
        {
            var parts = line.Split(' ', 2, StringSplitOptions.TrimEntries);
            Assert.True(Known.Contains(parts[0]) && parts.Length == 2, $"no instruction: {line}");
            yield return new Instruction(parts[0], parts[1]);
        }
    }

    private static readonly HashSet<string> Known =
        ["FROM", "ARG", "RUN", "COPY", "ENV", "WORKDIR", "USER", "EXPOSE", "HEALTHCHECK", "STOPSIGNAL", "ENTRYPOINT", "CMD"];

    private static string Substitute(string text, Dictionary<string, string> arguments) => Variable().Replace(text, m => arguments[m.Groups[1].Value]);

    [GeneratedRegex(@"\$\{(\w+)\}")]
    private static partial Regex Variable();

    [GeneratedRegex(@"^(?<base>\S+) AS (?<name>\S+)$")]
    private static partial Regex From();
}
