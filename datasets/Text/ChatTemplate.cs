using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using FineTuneGrid.Contracts;
using FineTuneGrid.Text.Templates;

namespace FineTuneGrid.Text;

/// <summary>A text that a template made, and the ranges that its {% generation %} blocks marked.</summary>
public sealed record RenderedText(string Text, IReadOnlyList<(int Start, int End)> Spans)
{
    /// <summary>Positions within spellings of control tokens that users wrote: those are ordinary text. In ascending order.</summary>
    public IReadOnlyList<int> Literals { get; init; } = [];
}

/// <summary>
/// A chat template in the subset of Jinja that published models use, run without access to anything but the given values, with
/// bounds on steps and size. Immutable; safe for use from many threads.
/// </summary>
public sealed class ChatTemplate
{
    private const int MaximumSource = 1 << 20;

    /// <summary>What strftime_now sees unless told: a fixed day, since training must not depend on when it runs.</summary>
    public static readonly DateTime DefaultDate = new(2024, 7, 26, 0, 0, 0, DateTimeKind.Utc);

    private readonly List<Statement> _body;

    private ChatTemplate(List<Statement> body, bool hasGeneration, string digest)
    {
        _body = body;
        HasGeneration = hasGeneration;
        Digest = digest;
    }

    /// <summary>Whether the template marks what the assistant says by {% generation %}.</summary>
    public bool HasGeneration { get; }

    /// <summary>SHA-256 of the template's text, lower-case hex.</summary>
    public string Digest { get; }

    /// <exception cref="GridException"><c>invalid_template</c>, with the line.</exception>
    public static ChatTemplate Parse(string source)
    {
        if (source.Length > MaximumSource)
            throw new GridException(ErrorCodes.InvalidTemplate, $"The chat template has {source.Length} characters; at most {MaximumSource} are read.", "chat_template");
        return Guarded(() =>
        {
            var (body, hasGeneration) = TemplateParser.Parse(source);
            return new ChatTemplate(body, hasGeneration, Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(source))));
        }, "cannot be read");
    }

    /// <param name="variables">The values that the template sees: messages, add_generation_prompt, bos_token ...</param>
    /// <param name="date">What strftime_now sees; <see cref="DefaultDate"/> where null.</param>
    /// <param name="maximumSteps">How long it may run; a conversation of thousands of messages fits into the default.</param>
    /// <exception cref="GridException"><c>invalid_template</c>: an error in it or its own raise_exception, with the line.</exception>
    public RenderedText Render(IReadOnlyDictionary<string, JsonElement> variables, DateTime? date = null, long maximumSteps = TemplateBudget.MaximumSteps) => Guarded(() =>
    {
        var run = new TemplateRun(maximumSteps);
        var globals = new TemplateScope(run, null);
        TemplateGlobals.Define(globals, date ?? DefaultDate);
        foreach (var (name, value) in variables)
            globals[name] = TemplateValues.FromJson(value);
        var scope = globals.Inner();
        foreach (var statement in _body)
            statement.Execute(scope);
        return new RenderedText(run.Output.ToString(), run.Spans);
    }, "cannot be run");

    private static T Guarded<T>(Func<T> work, string what)
    {
        try
        {
            return work();
        }
        catch (TemplateException problem)
        {
            var place = problem.Line > 0 ? $" (line {problem.Line})" : "";
            throw new GridException(ErrorCodes.InvalidTemplate,
                problem.Raised ? $"The chat template refuses this conversation: {problem.Message}" : $"The chat template {what}: {problem.Message}{place}.", "chat_template", problem);
        }
        catch (InsufficientExecutionStackException problem)
        {
            throw new GridException(ErrorCodes.InvalidTemplate, $"The chat template {what}: it is nested too deeply.", "chat_template", problem);
        }
        catch (LoopSignal problem)
        {
            throw new GridException(ErrorCodes.InvalidTemplate, $"The chat template {what}: break or continue outside a loop.", "chat_template", problem);
        }
    }
}
