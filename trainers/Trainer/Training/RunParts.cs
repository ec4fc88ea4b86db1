using System.Text.Json.Nodes;
using FineTuneGrid.Contracts;
using FineTuneGrid.Models.Lora;
using FineTuneGrid.Models.Loading;
using FineTuneGrid.Models.Optim;
using FineTuneGrid.Storage;
using static TorchSharp.torch;

namespace FineTuneGrid.Trainer.Training;

/// <summary>The files of a checkpoint and of a result, as functions of the run's tensors: equal runs give equal bytes.</summary>
internal static class RunParts
{
    public const string Adapter = "adapter_model.safetensors";
    public const string AdapterConfig = "adapter_config.json";
    public const string Model = "model.safetensors";
    public const string ModelConfig = "config.json";
    public const string Optimizer = "optimizer.safetensors";

    /// <summary>What a full-parameter result takes along from the model whose tokenizer it was trained with.</summary>
    public static readonly IReadOnlySet<string> TokenizerFiles = new HashSet<string>
    {
        "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "generation_config.json", "chat_template.jinja", "chat_template.json",
    };

    private const string FirstMoment = "exp_avg.";
    private const string SecondMoment = "exp_avg_sq.";

    public static string WeightsName(Trainee trainee) => trainee.IsFull ? Model : Adapter;

    /// <summary>Trained weights, fp32, under their published names.</summary>
    public static Stream Weights(RunValues values) =>
        SafetensorsWriter.CreateStream(Entries(values.Slots, values.Weights, ""), SafetensorsWriter.AdapterMetadata);

    /// <summary>The part of a gang's worker, where each has a state of its own; the first worker's is the checkpoint's other parts.</summary>
    public static string WorkerName(int rank) => $"worker-{rank}.safetensors";

    /// <summary>Both moments by parameter, and what is carried from round to round where that is so; the step count is the trainer state's.</summary>
    public static Stream Moments(RunValues values) => SafetensorsWriter.CreateStream(StateEntries(values));

    /// <summary>All of a worker's own state in one.</summary>
    public static Stream Worker(RunValues values) => SafetensorsWriter.CreateStream(Entries(values.Slots, values.Weights, "").Concat(StateEntries(values)));

    public static void ReadWeights(Trainee trainee, SafetensorsFile file) => Read(trainee.Trained, trainee.Trained.Flat, "", file);

    public static void ReadMoments(Trainee trainee, AdamW optimizer, SafetensorsFile file)
    {
        Read(trainee.Trained, optimizer.FirstMoment, FirstMoment, file);
        Read(trainee.Trained, optimizer.SecondMoment, SecondMoment, file);
    }

    /// <summary>What was carried from round to round under this prefix; null where the file holds none.</summary>
    public static float[]? ReadRounds(Trainee trainee, SafetensorsFile file, string prefix)
    {
        if (!file.Header.Tensors.Any(t => t.Name.StartsWith(prefix, StringComparison.Ordinal))) return null;
        using var buffer = trainee.Trained.NewBuffer();
        Read(trainee.Trained, buffer, prefix, file);
        using var host = buffer.cpu();
        return host.data<float>().ToArray();
    }

    /// <summary><c>adapter_config.json</c> as PEFT writes it.</summary>
    public static byte[] PeftConfigOf(Trainee trainee, string baseModel) => PeftConfig.Write(trainee.Adapter!.Plan, baseModel);

    /// <summary>The model's own <c>config.json</c>, with the dtype that its weights are written in.</summary>
    public static byte[] ConfigOf(Trainee trainee)
    {
        var config = (JsonObject)JsonNode.Parse(trainee.Model.Architecture.Config.Json.GetRawText())!;
        config["torch_dtype"] = "float32";
        return System.Text.Encoding.UTF8.GetBytes(config.ToJsonString(GridJson.Indented));
    }

    private static IEnumerable<SafetensorsEntry> StateEntries(RunValues values) =>
        Entries(values.Slots, values.FirstMoment, FirstMoment)
            .Concat(Entries(values.Slots, values.SecondMoment, SecondMoment))
            .Concat(values.Rounds.SelectMany(r => Entries(values.Slots, r.Value, r.Key)));

    private static IEnumerable<SafetensorsEntry> Entries(IReadOnlyList<FlatSlot> slots, SlotBytes bytes, string prefix) =>
        slots.Select(slot => new SafetensorsEntry(prefix + slot.Name, SafetensorsDtype.F32, slot.Shape, () => bytes(slot)));

    private static unsafe void Read(FlatParameters parameters, Tensor buffer, string prefix, SafetensorsFile file)
    {
        if (file.Header.Tensors.Count(t => t.Name.StartsWith(prefix, StringComparison.Ordinal)) < parameters.Slots.Count) throw Unfit(file, "lacks tensors");
        foreach (var slot in parameters.Slots)
        {
            var tensor = file.Get(prefix + slot.Name);
            if (tensor.Dtype != SafetensorsDtype.F32 || !tensor.Shape.SequenceEqual(slot.Shape)) throw Unfit(file, $"has another shape of '{slot.Name}'");
            using var scope = NewDisposeScope();
            using var quiet = no_grad();
            var values = empty(slot.Shape, ScalarType.Float32);
            using (var stream = new UnmanagedMemoryStream((byte*)file.AddressOf(tensor), tensor.Length))
                TensorBytes.Read(values, stream);
            FlatParameters.ViewOf(buffer, slot).copy_(values);
        }
    }

    public static GridException Unfit(SafetensorsFile file, string what) =>
        new(ErrorCodes.CorruptCheckpoint, $"The checkpoint's {file.Name} {what} that this job trains.");
}
