using System.CommandLine;
using FineTuneGrid.Bench;
using FineTuneGrid.Bench.Control;
using FineTuneGrid.Bench.Memory;
using FineTuneGrid.Bench.Overlap;
using FineTuneGrid.Bench.Serving;
using FineTuneGrid.Bench.Tokenizer;

var root = new RootCommand("Measures parts of the grid. Each bench prints JSON lines and ends with an exit code other than 0 where a promise is broken.")
{
    CheckpointBench.Command(),
    WriterKillsBench.Command(),
    HeartbeatsBench.Command(),
    LinksBench.Command(),
    MemoryBench.Command(),
    OverlapBench.Command(),
    OverlapWorker.Command(),
    ServingBench.Command(),
    SubmitsBench.Command(),
    TokenizerBench.Command(),
    WatchersBench.Command(),
    ZombiesBench.Command(),
};
return await root.Parse(args).InvokeAsync();
