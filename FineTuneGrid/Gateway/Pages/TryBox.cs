using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Access;
using FineTuneGrid.Contracts.Training;
using FineTuneGrid.Gateway.Apis;
using FineTuneGrid.Gateway.Runs;

namespace FineTuneGrid.Gateway.Pages;

/// <summary>The box that asks an adapter, and its base beside it.</summary>
internal sealed class TryBox(TaskRunner runner, Completer completer)
{
    /// <param name="answers">What was answered last; empty before the first question.</param>
    public static Html Form(HttpContext context, string action, string? baseModel, TryQuestion question, Html answers) => Html.Of($"""
        <form class="try" method="post" action="{action}#try" data-answers="answers">{Layout.Token(context)}
        <label for="prompt">What to say to it</label>
        <textarea id="prompt" name="prompt" rows="3" required maxlength="{RunLimits.MaxPromptCharacters}">{question.Text}</textarea>
        <div class="row">
        <label><input type="checkbox" name="chat"{Checked(question.Chat)}> as a chat message</label>
        <label><input type="checkbox" name="compare"{Checked(question.Compare)}> compare with {baseModel ?? "the base"}</label>
        <label>Tokens <input type="number" name="max_tokens" min="1" max="{TryQuestion.MostTokens}" value="{question.MaxTokens}"></label>
        <label>Temperature <input type="number" name="temperature" min="0" max="2" step="0.1" value="{question.Temperature}"></label>
        <button class="primary">Ask</button>
        </div>
        </form>
        <div id="answers" aria-live="polite">{answers}</div>
        """);

    /// <summary>The answers, or why there are none.</summary>
    public async Task<Html> AnswerAsync(Principal caller, string adapter, string? baseModel, TryQuestion question)
    {
        try
        {
            RunLimits.Check(question.Text.Length is > 0 and <= RunLimits.MaxPromptCharacters, $"What is said must have 1 to {RunLimits.MaxPromptCharacters} characters.", "prompt");
            var tuned = AskAsync(caller, adapter, question);
            var bare = question.Compare && baseModel is not null ? AskAsync(NameAt(caller, adapter), baseModel, question) : null;
            var parts = new List<Html> { Answer(adapter, await tuned) };
            if (bare is not null) parts.Add(Answer($"{baseModel}, without the adapter", await bare));
            return Html.Of($"""<div class="answers">{Html.Join(parts)}</div>""");
        }
        catch (GridException e)
        {
            return Html.Of($"""<p class="notice bad" role="alert"><b>{e.Code}</b> {e.Message}</p>""");
        }
    }

    private async Task<Completion> AskAsync(Principal caller, string model, TryQuestion question)
    {
        var subject = await runner.SubjectAsync(caller, model);
        return (await completer.RunAsync(caller, subject, question.ToTask(), told: null, CancellationToken.None))[0];
    }

    /// <summary>The base is looked for where the adapter is, as it is for the adapter itself.</summary>
    private static Principal NameAt(Principal caller, string adapter) => Assets.NameResolver.At(caller, adapter[..adapter.IndexOf('/')]);

    private static Html Answer(string who, Completion completion) => Html.Of($"""
        <section class="answer"><h3>{who}</h3><p class="said">{completion.Text}</p><p class="hint">{completion.CompletionTokens} tokens, {completion.FinishReason}</p></section>
        """);

    private static Html Checked(bool on) => on ? Html.Of($" checked") : Html.Empty;
}
