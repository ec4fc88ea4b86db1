using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace FineTuneGrid.EndToEnd;

/// <summary>Token rows made from a seed, and the job that trains on them: long enough to be killed in the middle.</summary>
internal static class TinyData
{
    public const int Steps = 160;
    public const int CheckpointEvery = 10;

    /// <summary>JSONL of rows <c>{"input_ids": [...]}</c>; every other token follows from the one before it, so that there is something to learn.</summary>
    public static byte[] Rows(int rows, int seed)
    {
        var (random, text) = (new Random(seed), new StringBuilder());
        for (var i = 0; i < rows; i++)
        {
            var ids = new List<int>();
            var length = random.Next(20, 60);
            for (var t = 0; t < length; t++) ids.Add(t % 2 == 0 ? random.Next(10, 200) : 300 + ids[^1]);
            text.Append(JsonSerializer.Serialize(new { input_ids = ids })).Append('\n');
        }
        return Encoding.UTF8.GetBytes(text.ToString());
    }

    public static JsonObject Job(string adapter, Action<JsonObject>? change = null)
    {
        var job = JsonNode.Parse($$"""
            {"base_model": "base", "adapter": "{{adapter}}", "data": {"train": "train", "validation": "validation", "format": "tokens", "sequence_length": 128},
             "method": {"rank": 4, "alpha": 8},
             "optimizer": {"learning_rate": 0.005, "max_steps": {{Steps}}, "batch_size": 8, "micro_batch_tokens": 128, "seed": 7},
             "checkpoint": {"every_steps": {{CheckpointEvery}} } }
            """)!.AsObject();
        change?.Invoke(job);
        return job;
    }

    public static async Task AddToAsync(GridProcess grid)
    {
        (await grid.AddAsync("models", "base", TinyModel.Files)).Ok();
        (await grid.AddAsync("datasets", "train", ("train.jsonl", Rows(96, seed: 1)))).Ok();
        (await grid.AddAsync("datasets", "validation", ("validation.jsonl", Rows(12, seed: 2)))).Ok();
    }
}
