using System.Diagnostics;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Training;

namespace FineTuneGrid.TrainerSupport;

/// <summary>The real trainer program, as it is built.</summary>
internal static class TrainerProgram
{
    public static string Path { get; } = System.IO.Path.Combine(AppContext.BaseDirectory, "FineTuneGrid.Trainer.dll");

    public static Process Start(params string[] arguments) => StartIn(null, arguments);

    /// <param name="network">The network namespace that it runs in; null: this process's own.</param>
    public static Process StartIn(string? network, params string[] arguments)
    {
        string[] command = network is null ? ["dotnet"] : ["ip", "netns", "exec", network, "dotnet"];
        return Process.Start(new ProcessStartInfo(command[0], [.. command[1..], Path, .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
    }

    /// <summary>One task, as an agent has it run.</summary>
    public static async Task<TrainerTaskReply> RunTaskAsync(TestStore store, TrainerTask task)
    {
        var (file, reply) = (System.IO.Path.Combine(store.Root, "task.json"), System.IO.Path.Combine(store.Root, "reply.json"));
        await File.WriteAllBytesAsync(file, GridJson.ToBytes(task));
        var (_, output, errors) = await RunAsync("task", file, reply);
        return File.Exists(reply) ? GridJson.Parse<TrainerTaskReply>(await File.ReadAllBytesAsync(reply)) : throw new InvalidOperationException(output + errors);
    }

    /// <summary>Runs to the end; fails the test where it takes too long.</summary>
    public static async Task<(int Code, string Output, string Errors)> RunAsync(params string[] arguments)
    {
        using var process = Start(arguments);
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync().WaitAsync(TimeSpan.FromMinutes(3));
        return (process.ExitCode, await output, await errors);
    }
}
