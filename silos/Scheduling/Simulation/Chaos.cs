namespace FineTuneGrid.Scheduling.Simulation;

/// <summary>What goes wrong, and when.</summary>
internal static class Chaos
{
    public static void Plan(World world, long until)
    {
        var random = world.Random;
        var faults = 3 + random.Below(12);
        for (var i = 0; i < faults; i++)
            world.Clock.Post(null, random.Between(2_000, until - 5_000), () => Strike(world));
        for (var job = 0; job < world.Jobs; job++)
            PlanUser(world, job, until);
        if (random.Below(3) == 0)
            world.Clock.Post(null, random.Between(10_000, until - 10_000), () => LoseJournal(world));
    }

    /// <summary>Faults off: whatever is down comes back, and stays.</summary>
    public static void End(World world)
    {
        world.Faults.On = false;
        foreach (var machine in world.Machines)
            machine.CutOffUntil = 0;
        // A delayed pause may still be under way.
        world.Clock.Post(null, 45_000, () =>
        {
            for (var job = 0; job < world.Jobs; job++)
                world.ToJob(job, new JobMessage(JobMessageKind.Resume));
        });
    }

    private static void Strike(World world)
    {
        var random = world.Random;
        var machine = world.Machines[random.Below(world.Machines.Length)];
        var silo = world.Silos[random.Below(world.Silos.Length)];
        var what = random.Below(20);
        if (world.Tracing)
            world.Trace(() => $"chaos {what} on {machine.Id}, silo {Array.IndexOf(world.Silos, silo)}");
        switch (what)
        {
            case 0 or 1 or 2:
                machine.CrashAgent(random.Between(500, 25_000));
                break;
            case 3 or 4:
                machine.Crash(random.Between(2_000, 25_000));
                break;
            case 5 or 6:
                Pick(world, machine)?.End(crashed: true);
                break;
            case 7 or 8 or 9:
                if (Pick(world, machine) is { } trainer)
                    trainer.Process.PausedUntil = world.Clock.Now + random.Between(2_000, 45_000);
                break;
            case 10:
                machine.Agent.PausedUntil = world.Clock.Now + random.Between(2_000, 40_000);
                break;
            case 11:
                Stall(world, machine);
                break;
            case 12 or 13:
                machine.CutOffUntil = world.Clock.Now + random.Between(3_000, 40_000);
                break;
            case 14 or 15 or 16:
                silo.Crash(random.Between(500, 12_000));
                break;
            case 17:
                silo.Process.PausedUntil = world.Clock.Now + random.Between(1_000, 30_000);
                break;
            case 18:
                foreach (var each in world.Silos)
                    each.Crash(random.Between(1_000, 8_000));
                break;
            default:
                TotalKill(world);
                break;
        }
    }

    private static TrainerProcess? Pick(World world, Machine machine) =>
        machine.Trainers.Count == 0 ? null : machine.Trainers[world.Random.Below(machine.Trainers.Count)];

    /// <summary>The whole machine stops for a while; its processes wake in any order.</summary>
    private static void Stall(World world, Machine machine)
    {
        var wake = world.Clock.Now + world.Random.Between(2_000, 40_000);
        machine.Agent.PausedUntil = wake + world.Random.Below(500);
        foreach (var trainer in machine.Trainers)
            trainer.Process.PausedUntil = wake + world.Random.Below(500);
    }

    private static void TotalKill(World world)
    {
        foreach (var silo in world.Silos)
            silo.Crash(world.Random.Between(1_000, 8_000));
        foreach (var machine in world.Machines)
            machine.Crash(world.Random.Between(1_000, 8_000));
    }

    private static void LoseJournal(World world)
    {
        foreach (var silo in world.Silos)
            silo.Crash(world.Random.Between(1_000, 5_000));
        world.Journal.Destroyed = true;
    }

    private static void PlanUser(World world, int job, long until)
    {
        var random = world.Random;
        if (random.Below(8) == 0)
            world.Clock.Post(null, random.Between(1_000, until), () => world.ToJob(job, new JobMessage(JobMessageKind.Cancel)));
        if (random.Below(6) != 0)
            return;
        var at = random.Between(1_000, until);
        world.Clock.Post(null, at, () => world.ToJob(job, new JobMessage(JobMessageKind.Pause)));
        world.Clock.Post(null, at + random.Between(500, 20_000), () => world.ToJob(job, new JobMessage(JobMessageKind.Resume)));
    }
}
