using System.Security.Cryptography;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Contracts.Training;
using FineTuneGrid.Models.Loading;
using FineTuneGrid.Models.Lora;
using FineTuneGrid.Storage;
using FineTuneGrid.Trainer.Models;
using FineTuneGrid.Trainer.Serving;
using FineTuneGrid.Trainer.Tasks;
using FineTuneGrid.TrainerSupport;
using static TorchSharp.torch;

namespace FineTuneGrid.Trainer.Tests.Serving;

/// <summary>Questions to one resident base, held to what each is answered alone.</summary>
public sealed class ServingLoopTests : IDisposable
{
    private readonly TestStore _store = new();
    private readonly Queue<AgentFrame> _frames = new();
    private readonly List<TrainerReport> _posted = [];
    private Action<TrainerReport>? _onPost;

    public void Dispose() => _store.Dispose();

    [Fact]
    public async Task Questions_ToTheBaseAndToAdapters_AreAnsweredAsEachAlone()
    {
        var (one, other) = (await AdapterAsync(1), await AdapterAsync(2));
        IReadOnlyList<SourceFile>?[] adapters = [one, null, other, one];
        var completion = new CompletionTask(["hello", "a"], false, 20, 0, 1, 0, Logprobs: 1);
        for (var i = 0; i < adapters.Length; i++) Ask($"task-{i}", completion, adapters[i]);

        Run();

        var replies = adapters.Select((_, i) => Reply($"task-{i}").Completions!).ToList();
        for (var i = 0; i < adapters.Length; i++)
        {
            foreach (var (expected, got) in Alone(completion, adapters[i]).Zip(replies[i]))
            {
                Assert.Equal((expected.Text, expected.FinishReason, expected.CompletionTokens), (got.Text, got.FinishReason, got.CompletionTokens));
                Assert.Equal(expected.Logprobs!.Tokens, got.Logprobs!.Tokens);
                Assert.All(expected.Logprobs.TokenLogprobs.Zip(got.Logprobs.TokenLogprobs), p => Assert.Equal(p.First!.Value, p.Second!.Value, 1e-3));
            }
        }
        Assert.NotEqual(replies[0][0].Text, replies[2][0].Text);
    }

    [Fact]
    public void Stream_OfChoices_TellsThemTogetherAndWhole()
    {
        Ask("task-s", new CompletionTask(["hello"], false, 24, 2, 1, 5, N: 3, Stream: true), null);

        Run();

        var pieces = _posted.OfType<TasksSaid>().SelectMany(s => s.Said).SelectMany(s => s.Pieces).ToList();
        var whole = Reply("task-s").Completions!;
        Assert.Equal(3, whole.Count);
        Assert.True(whole.Select(c => c.Text).Distinct().Count() > 1, "draws of one prompt differ");
        for (var i = 0; i < whole.Count; i++)
        {
            var told = string.Concat(pieces.Where(p => p.Index == i).Select(p => p.Text));
            Assert.True(told.Length > 0);
            Assert.StartsWith(told, whole[i].Text, StringComparison.Ordinal);
        }
        // Token by token: the second choice begins long before the first has ended.
        Assert.True(pieces.FindIndex(p => p.Index == 1) < pieces.FindLastIndex(p => p.Index == 0));
        Assert.IsType<TaskAnswered>(_posted[^1]);
    }

    [Fact]
    public void Question_ThatIsWithdrawn_EndsUnanswered_AndTheOtherGoesOn()
    {
        Ask("task-gone", new CompletionTask(["hello"], false, 60, 0, 1, 0, Stream: true), null);
        Ask("task-stays", new CompletionTask(["a"], false, 30, 0, 1, 0), null);
        _onPost = report =>
        {
            if (report is TasksSaid) _frames.Enqueue(new Withdraw("task-gone"));
        };

        Run();

        Assert.DoesNotContain(_posted, r => r is TaskAnswered { TaskId: "task-gone" });
        Assert.Single(Reply("task-stays").Completions!);
    }

    [Fact]
    public void Question_ThatCannotBeAnswered_IsRefusedAlone()
    {
        Ask("task-bad", new CompletionTask([], false, 4, 0, 1, 0, PromptTokens: [[1, 1 << 20]]), null);
        Ask("task-chat", new CompletionTask([], false, 4, 0, 1, 0, Messages: System.Text.Json.JsonSerializer.SerializeToElement(new[] { new { role = "pirate", content = "ahoy" } })), null);
        Ask("task-good", new CompletionTask(["a"], false, 4, 0, 1, 0), null);

        Run();

        Assert.Equal((ErrorCodes.InvalidValue, "prompt"), (Reply("task-bad").Error?.Code, Reply("task-bad").Error?.Field));
        Assert.Equal((ErrorCodes.InvalidValue, "messages[0].role"), (Reply("task-chat").Error?.Code, Reply("task-chat").Error?.Field));
        Assert.Single(Reply("task-good").Completions!);
    }

    [Fact]
    public void Choices_BeyondWhatGrowsAtOnce_ComeAfterOthersHaveEnded()
    {
        var many = new CompletionTask([.. Enumerable.Range(0, 40).Select(i => $"hello {i}")], false, 3, 0, 1, 0);
        Ask("task-many", many, null);
        Ask("task-few", new CompletionTask(["a"], false, 3, 0, 1, 0), null);

        Run();

        Assert.Equal(Alone(many, null).Select(c => c.Text), Reply("task-many").Completions!.Select(c => c.Text));
        // The one question does not wait for the forty.
        Assert.True(_posted.FindIndex(r => r is TaskAnswered { TaskId: "task-few" }) < _posted.FindIndex(r => r is TaskAnswered { TaskId: "task-many" }));
    }

    private void Run()
    {
        using var resident = new ResidentBase(CPU);
        using var loop = new ServingLoop(resident, TimeSpan.Zero, _ => _frames.TryDequeue(out var frame) ? frame : null, report =>
        {
            _posted.Add(report);
            _onPost?.Invoke(report);
        });
        loop.Run();
    }

    private void Ask(string id, CompletionTask completion, IReadOnlyList<SourceFile>? adapter)
    {
        var folder = Directory.CreateDirectory(Path.Combine(_store.Root, id)).FullName;
        File.WriteAllBytes(Path.Combine(folder, TrainerProtocol.TaskFile), GridJson.ToBytes(new TrainerTask(id, _store.Access, "cpu", 1, _store.Model, adapter, completion)));
        _frames.Enqueue(new Ask(id, folder));
    }

    private TrainerTaskReply Reply(string id)
    {
        Assert.Contains(_posted, r => r is TaskAnswered answered && answered.TaskId == id);
        return GridJson.Parse<TrainerTaskReply>(File.ReadAllBytes(Path.Combine(_store.Root, id, TrainerProtocol.ReplyFile)));
    }

    private IReadOnlyList<Completion> Alone(CompletionTask completion, IReadOnlyList<SourceFile>? files)
    {
        using var models = new ModelStore(_store.Blobs, CPU);
        var (model, adapter) = models.Subject(_store.Model, files);
        using (adapter) return Completing.Run(model, adapter, new PromptReader(models, _store.Model), completion);
    }

    /// <summary>A random adapter, stored as a version's files are.</summary>
    private async Task<IReadOnlyList<SourceFile>> AdapterAsync(int seed)
    {
        using var models = new ModelStore(_store.Blobs, CPU);
        using var adapter = LoraAdapter.Create(LoraPlan.Resolve(models.ArchitectureOf(_store.Model), new LoraSpec { Rank = 2 * seed, Alpha = 4 }), seed);
        foreach (var module in adapter.Plan.Modules) adapter.Parameters.FillNormal(module.NameB, seed, 0.3);
        using var tensors = new MemoryStream();
        await SafetensorsWriter.WriteAsync(tensors, SafetensorsSource.Entries(adapter.Parameters), SafetensorsWriter.AdapterMetadata);
        return [await PutAsync(seed, "adapter_config.json", PeftConfig.Write(adapter.Plan, "tiny")), await PutAsync(seed, "adapter_model.safetensors", tensors.ToArray())];
    }

    private async Task<SourceFile> PutAsync(int version, string path, byte[] bytes)
    {
        var key = $"adapters/a/{version}/{path}";
        await _store.Blobs.WriteBytesAsync(key, bytes);
        return new SourceFile(path, key, bytes.Length, Convert.ToHexStringLower(SHA256.HashData(bytes)));
    }
}
