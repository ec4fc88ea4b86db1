using System.Runtime.InteropServices;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Training;
using FineTuneGrid.Telemetry;
using FineTuneGrid.Trainer.Models;
using FineTuneGrid.Trainer.Training;

namespace FineTuneGrid.Trainer.Session;

/// <summary><c>FineTuneGrid.Trainer session RUNDIR</c>.</summary>
internal static class SessionCommand
{
    /// <summary>How long a trainer that is done waits for its last reports to be taken.</summary>
    private static readonly TimeSpan LastWords = TimeSpan.FromSeconds(30);

    public static async Task<int> RunAsync(string folder)
    {
        LogOutput.Install();
        Directory.SetCurrentDirectory(folder); // The socket's path must be short: it is bound relative to the run folder.
        var session = GridJson.Parse<TrainerSession>(await File.ReadAllBytesAsync(TrainerProtocol.SessionFile));
        ThisProcess.Detach();
        using var export = OtlpExport.Start("finetunegrid-trainer", session.SessionId);
        ThisProcess.WriteFile(TrainerProtocol.ProcessFile, ThisProcess.Identity());
        var code = await ServeAsync(session);
        LeaveWord(code);
        return code;
    }

    /// <summary>For an agent that is not this process's parent. Without it the end counts as one of unknown reason.</summary>
    private static void LeaveWord(int code)
    {
        try
        {
            ThisProcess.WriteFile(TrainerProtocol.ExitFile, new TrainerExit(code, Reason(code)));
        }
        catch (IOException e)
        {
            Console.WriteLine(LogLine.Session($"the exit code {code} could not be written down: {e.Message}"));
        }
    }

    private static async Task<int> ServeAsync(TrainerSession session)
    {
        var time = TimeProvider.System;
        var outbox = new ReportOutbox(session.FirstSeq);
        var lease = new LeaseClock(time, session.LeaseSeconds);
        outbox.Post(new SessionReady(session.SessionId, Environment.ProcessId, null));
        await using var server = new SessionServer(session, outbox, lease, TrainerProtocol.SocketName, time);
        using var term = PosixSignalRegistration.Create(PosixSignal.SIGTERM, context => Stop(context, server));
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, context => Stop(context, server));
        Console.WriteLine(LogLine.Session($"{session.SessionId} ready: device {session.Device}, {session.Threads} threads, process {Environment.ProcessId}"));
        var code = await Compute.OnOneThread(() => Work(session, server, outbox, lease, time));
        if (code == 0) await outbox.DrainAsync(lease.Remaining < LastWords ? lease.Remaining : LastWords, time);
        return code;
    }

    private static int Work(TrainerSession session, SessionServer server, ReportOutbox outbox, LeaseClock lease, TimeProvider time)
    {
        Compute.Prepare(session.Threads);
        var store = session.Blobs.Open();
        using var models = new ModelStore(store, Compute.Device(session.Device));
        return new SessionLoop(session, order => new OrderRun(order, models, store, lease.Require, time, outbox.Kept), server.Take, outbox, lease, time).Run();
    }

    private static string Reason(int code) => code switch
    {
        0 => "done",
        TrainerProtocol.LeaseLostExitCode => "lease lost",
        _ => "gang broken",
    };

    private static void Stop(PosixSignalContext context, SessionServer server)
    {
        context.Cancel = true;
        server.Inject(new Shutdown(context.Signal.ToString()));
    }
}
