using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Training;
using FineTuneGrid.Models;
using FineTuneGrid.Trainer.Session;
using FineTuneGrid.Trainer.Tasks;

namespace FineTuneGrid.Trainer.Serving;

/// <summary>
/// Answers questions about one resident base: all that are there grow together, a token at a time, and newcomers join between tokens.
/// Runs on one thread: tensors live and die on it.
/// </summary>
/// <param name="idle">Without questions it ends after this long.</param>
/// <param name="next">The next frame, or null where none came within the limit.</param>
internal sealed class ServingLoop(ResidentBase resident, TimeSpan idle, Func<TimeSpan, AgentFrame?> next, Action<TrainerReport> post) : IDisposable
{
    /// <summary>Completions that grow at once.</summary>
    private const int MostRows = 32;

    /// <summary>Tokens of prompts that may be run between two tokens of those who are there, who wait meanwhile.</summary>
    private const int PromptTokensAtOnce = 4096;

    /// <summary>What cached keys and values may take; a single completion may take more.</summary>
    private const long CacheBytes = 1L << 30;

    private readonly List<Question> _questions = [];
    private DecodePool? _pool;

    /// <summary>Runs until the agent leaves or nobody asks any more.</summary>
    public void Run()
    {
        while (true)
        {
            while (next(_questions.Count > 0 ? TimeSpan.Zero : idle) is { } frame)
            {
                if (frame is Shutdown) return;
                Handle(frame);
            }
            if (_questions.Count == 0) return;
            Admit();
            Step();
            Tell();
        }
    }

    public void Dispose() => _pool?.Dispose();

    private void Handle(AgentFrame frame)
    {
        switch (frame)
        {
            case Ask ask:
                Open(ask);
                break;
            case Withdraw withdraw when _questions.Find(q => q.TaskId == withdraw.TaskId) is { } question:
                Drop(question);
                break;
        }
    }

    private void Open(Ask ask)
    {
        try
        {
            var task = GridJson.Parse<TrainerTask>(File.ReadAllBytes(Path.Combine(ask.Folder, TrainerProtocol.TaskFile)));
            var (answer, release) = resident.Open(task);
            _questions.Add(new Question(ask.TaskId, ask.Folder, task.Completion!.Stream, answer, release));
        }
        catch (Exception e)
        {
            Reply(ask.Folder, Refusal(ask.TaskId, e));
        }
    }

    /// <summary>Lets completions begin while there is room: of the question first that has the fewest on their way.</summary>
    private void Admit()
    {
        for (var tokens = 0; tokens < PromptTokensAtOnce;)
        {
            var question = _questions.Where(q => q.HasWaiting).MinBy(q => q.Growing);
            var room = question is null ? 0 : Room(question);
            if (room == 0) return;
            try
            {
                var choices = question!.Begin(room);
                (_pool ??= new DecodePool(resident.Model)).Join([.. choices.Select(c => c.Sequence)]);
                tokens += choices.DistinctBy(c => c.Prompt).Sum(c => c.Sequence.Prompt.Count);
            }
            catch (Exception e)
            {
                Fail(question!, e);
            }
        }
    }

    /// <summary>How many completions of a question may begin now: its share of the rows, as far as the cache holds them.</summary>
    private int Room(Question question)
    {
        var growing = _questions.Sum(q => q.Growing);
        var columns = Math.Max(question.MostTokens, _questions.Where(q => q.Growing > 0).Select(q => q.MostTokens).DefaultIfEmpty().Max());
        var a = resident.Model.Architecture;
        var row = 2L * sizeof(float) * a.LayerCount * a.KeyValueHeads * a.HeadDim * columns;
        var most = (int)Math.Min(MostRows, Math.Max(1, CacheBytes / row));
        return Math.Min(most - growing, Math.Max(1, MostRows / _questions.Count - question.Growing)) is > 0 and var room ? room : 0;
    }

    private void Step()
    {
        try
        {
            _pool?.Step();
        }
        catch (Exception e)
        {
            // What the pass left behind is unknown.
            _pool?.Dispose();
            _pool = null;
            foreach (var question in _questions.Where(q => q.Growing > 0).ToArray()) Fail(question, e);
        }
    }

    private void Tell()
    {
        TaskPieces[] said = [.. _questions.Select(q => q.Advance()).OfType<TaskPieces>()];
        if (said.Length > 0) post(new TasksSaid(said));
        foreach (var question in _questions.Where(q => q.IsAnswered).ToArray())
        {
            Drop(question);
            Reply(question.Folder, question.Reply());
        }
    }

    private void Fail(Question question, Exception fault)
    {
        Drop(question);
        Reply(question.Folder, Refusal(question.TaskId, fault));
    }

    private void Drop(Question question)
    {
        _questions.Remove(question);
        question.End();
    }

    private void Reply(string folder, TrainerTaskReply reply)
    {
        try
        {
            ThisProcess.WriteFile(Path.Combine(folder, TrainerProtocol.ReplyFile), reply);
            post(new TaskAnswered(reply.TaskId));
        }
        catch (IOException e)
        {
            // Its folder goes when nobody waits for it any more; else the agent sees that nothing came.
            Console.WriteLine(LogLine.Session($"{reply.TaskId} could not be answered: {e.Message}"));
            post(new TaskAnswered(reply.TaskId));
        }
    }

    private static TrainerTaskReply Refusal(string taskId, Exception fault)
    {
        var (error, _) = JobFaults.Describe(fault);
        if (error.Code == ErrorCodes.Internal) Console.WriteLine(LogLine.Session($"{taskId}: {fault}"));
        if (error.Code == ErrorCodes.OutOfMemory)
            error = new GridError(error.Code, "The device has not enough memory for the model with these prompts; send fewer or shorter ones, or ask again later.", "messages");
        return new TrainerTaskReply(taskId, error);
    }
}
