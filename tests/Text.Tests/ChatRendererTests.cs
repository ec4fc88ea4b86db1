using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using FineTuneGrid.Contracts;

namespace FineTuneGrid.Text.Tests;

public sealed class ChatRendererTests
{
    private const string ChatMl = "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";
    private const string Conversation = """[{"role":"system","content":"Help."},{"role":"user","content":"Hi"},{"role":"assistant","content":"Hello 😀"},{"role":"user","content":"2+2?"},{"role":"assistant","content":"4"}]""";

    [Fact]
    public void Tokenize_TemplateWithPrefixProperty_LearnsTurnsWithTheirStopToken()
    {
        var (learnt, masked) = Parts(ChatMl, Conversation);
        Assert.Equal("Hello 😀<|im_end|>|4<|im_end|>", learnt);
        Assert.Equal("<|im_start|>system\nHelp.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n|\n<|im_start|>user\n2+2?<|im_end|>\n<|im_start|>assistant\n|\n", masked);
    }

    [Fact]
    public void Tokenize_GenerationBlocks_LearnsExactlyThem()
    {
        var template = "{% for m in messages %}<{{ m.role }}>{% if m.role == 'assistant' %}{% generation %}{{ m.content }}{{ eos_token }}{% endgeneration %}{% else %}{{ m.content }}{% endif %}\n{% endfor %}";
        Assert.Equal("Hello 😀<|im_end|>|4<|im_end|>", Parts(template, Conversation).Learnt);
    }

    [Fact]
    public void Tokenize_TemplateThatRewritesEarlierTurns_IsStillExact()
    {
        // The last turn gets an empty thought, earlier turns do not: no rendering of a head is a head of the whole.
        var template = "{% for m in messages %}<|im_start|>{{ m.role }}\n{% if m.role == 'assistant' and loop.last %}<think></think>{% endif %}{{ m.content }}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";
        Assert.Equal("Hello 😀<|im_end|>|<think></think>4<|im_end|>", Parts(template, Conversation).Learnt);
    }

    [Theory]
    [InlineData(ChatMl)]
    [InlineData(null)]
    public void Tokenize_MessageOfWeightZero_IsShownButNotLearnt(string? template)
    {
        var conversation = Conversation.Replace("\"Hello 😀\"", "\"Hello 😀\",\"weight\":0", StringComparison.Ordinal);
        var (learnt, masked) = Parts(template, conversation);
        Assert.Equal("4<|im_end|>", learnt);
        Assert.Contains("Hello 😀<|im_end|>", masked, StringComparison.Ordinal);
    }

    [Fact]
    public void Tokenize_ContentThatTheTemplateHides_NamesTheTurn()
    {
        var template = "{% for m in messages %}{{ m.role }}{{ loop.revindex }}{% endfor %}";
        var problem = Assert.Throws<GridException>(() => Parts(template, Conversation));
        Assert.Equal(ErrorCodes.InvalidTemplate, problem.Code);
        Assert.Contains("messages[2]", problem.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Tokenize_NoTemplate_UsesTheDefaultWithEos()
    {
        var (learnt, masked) = Parts(null, Conversation);
        Assert.Equal("Hello 😀<|im_end|>|4<|im_end|>", learnt);
        Assert.StartsWith("### system\nHelp.\n### user\nHi\n### assistant\n", masked, StringComparison.Ordinal);
        var prompt = new ChatRenderer(Model(null)).RenderPrompt(new ChatPrompt(JsonDocument.Parse("""[{"role":"user","content":"Hi"}]""").RootElement)).Text;
        Assert.Equal("### user\nHi\n### assistant\n", prompt);
    }

    [Fact]
    public void Render_TemplateRefusal_IsPassedOn()
    {
        var problem = Assert.Throws<GridException>(() => Parts("{{ raise_exception('roles must alternate') }}", Conversation));
        Assert.Contains("roles must alternate", problem.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{% for i in range(100000) %}{% for j in range(100000) %}{{ i }}{% endfor %}{% endfor %}")]
    [InlineData("{% set ns = namespace(s='aaaaaaaa') %}{% for i in range(100) %}{% set ns.s = ns.s + ns.s %}{% endfor %}")]
    [InlineData("{{ 'aaaaaaaa' * 999999999 }}")]
    [InlineData("{{ [1] * 999999999 }}")]
    [InlineData("{{ ('a' * 100000).replace('', 'b' * 100000) }}")]
    [InlineData("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}")]
    [InlineData("{% set ns = namespace(l=[]) %}{% for i in range(100000) %}{% set ns.l = [ns.l] %}{% endfor %}{{ ns.l }}")]
    [InlineData("{% break %}")]
    public void Render_HostileTemplate_StopsWithATypedError(string template) =>
        Assert.Equal(ErrorCodes.InvalidTemplate, Assert.Throws<GridException>(() => Parts(template, Conversation)).Code);

    [Theory]
    [InlineData("(", ")")]
    [InlineData("[", "]")]
    [InlineData("-", "")]
    [InlineData("not ", "")]
    [InlineData("1 if 1 else ", "")]
    public void Parse_DeepNesting_StopsWithATypedError(string open, string close)
    {
        var source = "{{ " + string.Concat(Enumerable.Repeat(open, 50_000)) + "1" + string.Concat(Enumerable.Repeat(close, 50_000)) + " }}";
        Assert.Equal(ErrorCodes.InvalidTemplate, Assert.Throws<GridException>(() => ChatTemplate.Parse(source).Render(new Dictionary<string, JsonElement>())).Code);
    }

    [Theory]
    [InlineData("(", ")", 2)]
    [InlineData("[", "]", 2)]
    [InlineData("-", "", 1)]
    [InlineData("1 if 1 else ", "", 1)]
    public void Parse_Nesting_IsCountedWhateverTheStack(string open, string close, int levels)
    {
        // The innermost value takes two levels itself.
        var most = (200 - 2) / levels;
        ParseNested(most);
        var problem = Assert.Throws<GridException>(() => ParseNested(most + 1));
        Assert.Equal(ErrorCodes.InvalidTemplate, problem.Code);
        Assert.Contains("200 levels", problem.Message, StringComparison.Ordinal);

        void ParseNested(int depth) =>
            ChatTemplate.Parse("{{ " + string.Concat(Enumerable.Repeat(open, depth)) + "1" + string.Concat(Enumerable.Repeat(close, depth)) + " }}");
    }

    private static (string Learnt, string Masked) Parts(string? template, string conversation)
    {
        var model = Model(template);
        var example = new ChatRenderer(model).Tokenize(JsonDocument.Parse(conversation).RootElement);
        Assert.Equal(example.Ids.Length, example.Labels.Length);
        return (Runs(model, example, label => label != TrainingExample.Masked), Runs(model, example, label => label == TrainingExample.Masked));
    }

    private static string Runs(ModelText model, TrainingExample example, Func<int, bool> chosen)
    {
        List<string> runs = [];
        for (var i = 0; i < example.Ids.Length;)
        {
            var end = i;
            while (end < example.Ids.Length && chosen(example.Labels[end]))
                end++;
            if (end > i)
                runs.Add(model.Tokenizer.Decode(example.Ids.AsSpan(i, end - i), skipSpecialTokens: false));
            i = Math.Max(end, i + 1);
        }
        return string.Join('|', runs);
    }

    private static ModelText Model(string? template)
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "Fixtures", "tokenizers", "qwen2.case.json")));
        var config = new JsonObject { ["eos_token"] = "<|im_end|>", ["pad_token"] = null, ["chat_template"] = template };
        return ModelText.Load(new Dictionary<string, ReadOnlyMemory<byte>>
        {
            ["tokenizer.json"] = JsonSerializer.SerializeToUtf8Bytes(document.RootElement.GetProperty("tokenizer")),
            ["tokenizer_config.json"] = Encoding.UTF8.GetBytes(config.ToJsonString()),
        });
    }
}
