using System.Text.Json;
using FineTuneGrid.Contracts;
using FineTuneGrid.Text.Templates;

namespace FineTuneGrid.Text;

/// <summary>Runs a model's chat template on short conversations, so that one that cannot work is known before anything depends on it.</summary>
public static class TemplateTrial
{
    /// <summary>Published templates take a few hundred steps for these.</summary>
    private const long MaximumSteps = 200_000;

    private static readonly (string Role, string Content)[][] Conversations =
    [
        [("user", "How far is the moon?")],
        [("user", "How far is the moon?"), ("assistant", "384400 km.")],
        [("system", "Be brief."), ("user", "How far is the moon?"), ("assistant", "384400 km."), ("user", "And the sun?")],
    ];

    /// <exception cref="GridException">
    /// <c>invalid_template</c>: it fails or runs too long on one of them, or refuses all of them by its own raise_exception. A template may
    /// refuse some, such as those with a system message.
    /// </exception>
    public static void Run(ModelText model)
    {
        GridException? refusal = null;
        var ran = 0;
        foreach (var conversation in Conversations)
        {
            try
            {
                Render(model, conversation);
                ran++;
            }
            catch (GridException problem) when (problem.InnerException is TemplateException { Raised: true })
            {
                refusal ??= problem;
            }
        }
        if (ran == 0)
            throw refusal!;
    }

    private static void Render(ModelText model, (string Role, string Content)[] conversation)
    {
        Dictionary<string, JsonElement> variables = new(model.Variables, StringComparer.Ordinal)
        {
            ["messages"] = JsonSerializer.SerializeToElement(conversation.Select(m => new { role = m.Role, content = m.Content })),
            ["add_generation_prompt"] = JsonSerializer.SerializeToElement(conversation[^1].Role == "user"),
        };
        model.Template.Render(variables, maximumSteps: MaximumSteps);
    }
}
