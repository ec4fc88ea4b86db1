using FineTuneGrid.TrainerSupport;

namespace FineTuneGrid.Trainer.Tests;

/// <summary>What a job takes of a real trainer's memory is what its plan says, within 15%. <c>./grid bench memory</c> has more of them.</summary>
public sealed class MemoryPeakTests
{
    private const string Llama = """
        {"model_type": "llama", "hidden_size": 256, "intermediate_size": 768, "num_hidden_layers": 12, "num_attention_heads": 4, "num_key_value_heads": 2,
         "vocab_size": 1024, "max_position_embeddings": 2048, "tie_word_embeddings": true}
        """;

    private const string Gpt2 = """{"model_type": "gpt2", "n_embd": 256, "n_layer": 10, "n_head": 4, "n_positions": 1024, "vocab_size": 1024}""";

    [Theory]
    [InlineData(Llama, """{"rank": 16, "alpha": 32}""", 1024, 512)]
    [InlineData(Llama, """{"rank": 16, "alpha": 32, "dora": true}""", 1024, 64)]
    [InlineData(Gpt2, """{"type": "full"}""", 512, 128)]
    public async Task Peak_OfAJob_IsWhatItsPlanSays(string config, string method, int tokens, int length)
    {
        var peak = await MemoryProbe.RunAsync(new MemoryCase(method, config, method, tokens, length));

        Assert.InRange(peak.PeakOfPlanned, 0.85, 1.15);
    }
}
