using System.Buffers.Binary;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;

namespace FineTuneGrid.Gateway.Tests.Support;

/// <summary>Small things to register, and a job that waits for ever, since no node is there to plan it.</summary>
internal static class Samples
{
    public const string Config = """
        {"model_type":"llama","vocab_size":32,"hidden_size":32,"intermediate_size":64,"num_hidden_layers":1,"num_attention_heads":2,"max_position_embeddings":64,
         "tie_word_embeddings":true,"architectures":["LlamaForCausalLM"]}
        """;

    public static byte[] Rows(int count = 3) =>
        Encoding.UTF8.GetBytes(string.Concat(Enumerable.Range(0, count).Select(i => $$"""{"prompt":"{{i}}","completion":"{{i * i}}"}""" + "\n")));

    public static byte[] Weights() => Safetensors(
    [
        ("model.embed_tokens.weight", [32, 32]), ("model.norm.weight", [32]), .. ((string[])["input", "post_attention"]).Select(n => ($"model.layers.0.{n}_layernorm.weight", (int[])[32])),
        .. ((string[])["q", "k", "v", "o"]).Select(n => ($"model.layers.0.self_attn.{n}_proj.weight", (int[])[32, 32])),
        .. ((string[])["gate", "up"]).Select(n => ($"model.layers.0.mlp.{n}_proj.weight", (int[])[64, 32])), ("model.layers.0.mlp.down_proj.weight", [32, 64]),
    ]);

    public static byte[] Safetensors(params (string Name, int[] Shape)[] tensors)
    {
        var header = new Dictionary<string, object>();
        var end = 0;
        foreach (var (name, shape) in tensors)
        {
            var length = shape.Aggregate(4, (a, b) => a * b);
            header[name] = new { dtype = "F32", shape, data_offsets = (int[])[end, end + length] };
            end += length;
        }
        var json = JsonSerializer.SerializeToUtf8Bytes(header);
        var bytes = new byte[8 + json.Length + end];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, json.Length);
        json.CopyTo(bytes, 8);
        return bytes;
    }

    public static Task<HttpResponseMessage> PutAsync(this HttpClient client, string url, byte[] bytes, string? sha256 = null, ContentRangeHeaderValue? range = null)
    {
        var request = new HttpRequestMessage(HttpMethod.Put, url) { Content = new ByteArrayContent(bytes) };
        if (sha256 is not null) request.Headers.Add("X-Content-SHA256", sha256);
        request.Content.Headers.ContentRange = range;
        return client.SendAsync(request);
    }

    public static async Task<string> AddDatasetAsync(this HttpClient client, string name, byte[]? rows = null, string? license = null)
    {
        var made = await client.PostAsJsonAsync("/api/v1/datasets", new { name, license }).JsonAsync(HttpStatusCode.Created);
        await client.PutAsync($"/api/v1/datasets/{name}/files/rows.jsonl", rows ?? Rows()).JsonAsync(HttpStatusCode.Created);
        await client.PostAsync($"/api/v1/datasets/{name}/commit", null).JsonAsync();
        return made.Text("id");
    }

    public static async Task<string> AddModelAsync(this HttpClient client, string name, string? license = null)
    {
        var made = await client.PostAsJsonAsync("/api/v1/models", new { name, license }).JsonAsync(HttpStatusCode.Created);
        await client.PutAsync($"/api/v1/models/{name}/files/config.json", Encoding.UTF8.GetBytes(Config)).JsonAsync(HttpStatusCode.Created);
        await client.PutAsync($"/api/v1/models/{name}/files/model.safetensors", Weights()).JsonAsync(HttpStatusCode.Created);
        await client.PostAsync($"/api/v1/models/{name}/commit", null).JsonAsync();
        return made.Text("id");
    }

    /// <summary>The sample base model, whole: one with a tokenizer.</summary>
    public static async Task AddTinyAsync(this HttpClient client, string name)
    {
        await client.PostAsJsonAsync("/api/v1/models", new { name }).JsonAsync(HttpStatusCode.Created);
        foreach (var file in Directory.EnumerateFiles(Path.Combine(AppContext.BaseDirectory, "tiny")))
            await client.PutAsync($"/api/v1/models/{name}/files/{Path.GetFileName(file)}", await File.ReadAllBytesAsync(file)).JsonAsync(HttpStatusCode.Created);
        await client.PostAsync($"/api/v1/models/{name}/commit", null).JsonAsync();
    }

    /// <summary>A pushed adapter of one layer. Its <c>org/name</c>.</summary>
    public static async Task<string> PushAdapterAsync(this HttpClient client, string org, string name, string baseModel, int width, string layer, int rank = 2)
    {
        var root = $"/api/v1/adapters/{org}/{name}";
        await client.PutAsync($"{root}/files/adapter_config.json", Encoding.UTF8.GetBytes($"{{\"peft_type\":\"LORA\",\"r\":{rank},\"lora_alpha\":4,\"target_modules\":[\"q_proj\"]}}")).JsonAsync(HttpStatusCode.Created);
        await client.PutAsync($"{root}/files/adapter_model.safetensors",
            Safetensors(($"base_model.model.{layer}.lora_A.weight", [rank, width]), ($"base_model.model.{layer}.lora_B.weight", [width, rank]))).JsonAsync(HttpStatusCode.Created);
        await client.PostAsJsonAsync($"{root}/commit", new { base_model = baseModel }).JsonAsync(HttpStatusCode.Created);
        return $"{org}/{name}";
    }

    public static string Job(string model, string dataset, string adapter = "acme/tuned", string? name = null) =>
        JsonSerializer.Serialize(new { name = name ?? "waits", base_model = model, adapter, data = new { train = dataset } });

    public static Task<HttpResponseMessage> SubmitAsync(this HttpClient client, string body, string? idempotencyKey = null)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, "/api/v1/jobs") { Content = HttpAssert.Json(body) };
        if (idempotencyKey is not null) request.Headers.Add("Idempotency-Key", idempotencyKey);
        return client.SendAsync(request);
    }
}
