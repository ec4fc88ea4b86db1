using System.CommandLine;
using System.Text.Json;

namespace FineTuneGrid.Cli.Commands;

/// <summary>Trying a result: completions and evaluation of a base model or an adapter.</summary>
public static class RunCommands
{
    private static readonly Argument<string> Model = new("model") { Description = "A base model's name, or org/adapter[@version]." };

    public static Command Generate()
    {
        var prompts = new Argument<string[]>("prompt") { Description = "One or more prompts.", Arity = ArgumentArity.OneOrMore };
        var chat = new Option<bool>("--chat") { Description = "Send each prompt as a user message through the chat template." };
        var maxTokens = new Option<int>("--max-tokens") { Description = "Longest completion.", DefaultValueFactory = _ => 128 };
        var temperature = new Option<double>("--temperature") { Description = "0 chooses the likeliest token.", DefaultValueFactory = _ => 0 };
        var topP = new Option<double>("--top-p") { Description = "Nucleus sampling.", DefaultValueFactory = _ => 1 };
        var topK = new Option<int>("--top-k") { Description = "Sample from the likeliest so many tokens; 0: from all.", DefaultValueFactory = _ => 0 };
        var stop = new Option<string[]>("--stop") { Description = "A text that ends a completion; up to four times." };
        var seed = new Option<long>("--seed") { Description = "Seed of the sampling.", DefaultValueFactory = _ => 0 };
        return new Command("generate", "Complete prompts.").Does(async (context, ct) =>
        {
            var reply = await context.Client.PostAsync("api/v1/generate", new
            {
                model = context.Get(Model), prompts = context.Get(prompts), chat = context.Get(chat), max_tokens = context.Get(maxTokens),
                temperature = context.Get(temperature), top_p = context.Get(topP), top_k = context.Get(topK), stop = context.Get(stop) ?? [], seed = context.Get(seed),
            }, ct);
            context.Output.Result(reply, () => string.Join("\n", reply.GetProperty("completions").EnumerateArray().Select(c => c.Text("text"))));
            return 0;
        }, Model, prompts, chat, maxTokens, temperature, topP, topK, stop, seed);
    }

    public static Command Evaluate()
    {
        var dataset = new Argument<string>("dataset") { Description = "A registered data set's name or id." };
        var exactMatch = new Option<int>("--exact-match") { Description = "Also complete this many rows greedily and compare.", DefaultValueFactory = _ => 0 };
        var label = new Option<string?>("--label-column") { Description = "Of a classifier: the column that holds the classes; by default 'label'." };
        return new Command("eval", "Loss of a model on a data set; of a classifier, accuracy and macro F1 too.").Does(async (context, ct) =>
        {
            var reply = await EvaluateAsync(context, context.Get(Model), context.Get(dataset), context.Get(exactMatch), ct, context.Get(label));
            context.Output.Result(reply, () => Text(reply));
            return 0;
        }, Model, dataset, exactMatch, label);
    }

    public static Command Classify()
    {
        var texts = new Argument<string[]>("text") { Description = "One or more texts.", Arity = ArgumentArity.OneOrMore };
        return new Command("classify", "The class of each text, by a classifier's adapter.").Does(async (context, ct) =>
        {
            var reply = await context.Client.PostAsync("classify", new { model = context.Get(Model), input = context.Get(texts) }, ct);
            context.Output.Result(reply, () => string.Join("\n", reply.GetProperty("data").EnumerateArray().Select(c =>
                $"{c.GetProperty("probs").EnumerateArray().Max(p => p.GetDouble()):0.000}  {c.Text("label")}")));
            return 0;
        }, Model, texts);
    }

    internal static Task<JsonElement> EvaluateAsync(CommandContext context, string model, string dataset, int exactMatchRows, CancellationToken ct, string? labelColumn = null) =>
        context.Client.PostAsync("api/v1/evaluate", new { model, dataset, exact_match_rows = exactMatchRows, label_column = labelColumn }, ct);

    private static string Text(JsonElement reply) => reply.TryGetProperty("classes", out var classes)
        ? $"loss {reply.Rounded("loss", "0.000000")}, accuracy {classes.Rounded("accuracy")}, macro F1 {classes.Rounded("macro_f1")} over {reply.Text("examples")} examples"
        : $"loss {reply.Rounded("loss", "0.000000")} over {reply.Text("supervised_tokens")} tokens of {reply.Text("examples")} examples"
            + (reply.Number("exact_match") is { } match ? $", exact match {match:0.000}" : "");
}
