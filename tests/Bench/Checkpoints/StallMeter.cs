using System.Diagnostics.Metrics;

namespace FineTuneGrid.Bench.Checkpoints;

/// <summary>Hears how long steps stood still, as the trainer itself measures it.</summary>
internal sealed class StallMeter : IDisposable
{
    private readonly MeterListener _listener = new();
    private readonly List<double> _seconds = [];

    public StallMeter()
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Name == "ftg.trainer.checkpoint.stall") listener.EnableMeasurementEvents(instrument);
        };
        _listener.SetMeasurementEventCallback<double>((_, seconds, _, _) => _seconds.Add(seconds));
        _listener.Start();
    }

    /// <summary>What was heard since the last call.</summary>
    public IReadOnlyList<double> Take()
    {
        double[] taken = [.. _seconds];
        _seconds.Clear();
        return taken;
    }

    public void Dispose() => _listener.Dispose();
}
