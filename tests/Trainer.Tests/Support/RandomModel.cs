using System.Runtime.InteropServices;
using System.Text;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Models.Architectures;
using FineTuneGrid.Models.Config;
using FineTuneGrid.Storage;

namespace FineTuneGrid.TrainerSupport;

/// <summary>A model folder of any shape in a store: what a step costs does not depend on the weights.</summary>
internal static class RandomModel
{
    /// <param name="config">A <c>config.json</c>.</param>
    public static async Task<ModelManifest> AddAsync(IBlobStore store, string id, string config)
    {
        var bytes = Encoding.UTF8.GetBytes(config);
        var architecture = ModelFamilies.Create(ModelConfig.Parse(bytes));
        var state = 1UL;
        await using var weights = SafetensorsWriter.CreateStream(architecture.Parameters.Select(p =>
            new SafetensorsEntry(p.Name, SafetensorsDtype.F32, p.Shape, () => p.Init == ParameterInit.Normal ? Noise(p.Count, ref state) : Constant(p))));
        List<SourceFile> files = [await PutAsync(store, $"models/{id}/config.json", new MemoryStream(bytes)), await PutAsync(store, $"models/{id}/model.safetensors", weights)];
        return new ModelManifest(id, id, architecture.Config.ModelType, 0, "F32", architecture.ContextLength, architecture.VocabSize, null, null, null, [], files);
    }

    public static async Task<SourceFile> PutAsync(IBlobStore store, string key, Stream content)
    {
        var length = content.Length;
        await store.WriteAsync(key, content);
        return new SourceFile(Path.GetFileName(key), key, length, "");
    }

    private static ReadOnlyMemory<byte> Constant(ParameterSpec parameter)
    {
        var values = new float[parameter.Count];
        if (parameter.Init == ParameterInit.Ones) Array.Fill(values, 1f);
        return MemoryMarshal.AsBytes<float>(values).ToArray();
    }

    /// <summary>Uniform values of deviation 0.02 (xorshift64, Marsaglia 2003).</summary>
    private static ReadOnlyMemory<byte> Noise(long count, ref ulong state)
    {
        var values = new float[count];
        for (var i = 0L; i < count; i++)
        {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            values[i] = ((state >> 40) / (float)(1 << 24) - 0.5f) * 0.0693f;
        }
        return MemoryMarshal.AsBytes<float>(values).ToArray();
    }
}
