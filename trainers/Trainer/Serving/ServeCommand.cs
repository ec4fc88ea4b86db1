using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Training;
using FineTuneGrid.Trainer.Session;

namespace FineTuneGrid.Trainer.Serving;

/// <summary><c>FineTuneGrid.Trainer serve RUNDIR</c>: keeps a base in memory and answers an agent's questions with it.</summary>
internal static class ServeCommand
{
    private static readonly TimeSpan AgentLimit = TimeSpan.FromSeconds(60);

    public static async Task<int> RunAsync(string folder)
    {
        LogOutput.Install();
        Directory.SetCurrentDirectory(folder); // The socket's path must be short: it is bound relative to the run folder.
        var session = GridJson.Parse<TrainerSession>(await File.ReadAllBytesAsync(TrainerProtocol.SessionFile));
        ThisProcess.Detach();
        await using var agent = await AgentConnection.AcceptAsync(TrainerProtocol.SocketName, session.Token, AgentLimit);
        if (agent is null)
        {
            Console.WriteLine(LogLine.Session("no agent came; nothing is served"));
            return 1;
        }
        Console.WriteLine(LogLine.Session($"{session.SessionId} serves: device {session.Device}, {session.Threads} threads, process {Environment.ProcessId}"));
        return await Compute.OnOneThread(() =>
        {
            Compute.Prepare(session.Threads);
            using var resident = new ResidentBase(Compute.Device(session.Device));
            using var loop = new ServingLoop(resident, TimeSpan.FromSeconds(session.IdleSeconds), agent.Take, agent.Post);
            loop.Run();
            return 0;
        });
    }
}
