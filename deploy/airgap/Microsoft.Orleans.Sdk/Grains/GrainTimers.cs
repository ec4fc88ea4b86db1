using System.Diagnostics.CodeAnalysis;
using Orleans.Runtime;

namespace Orleans.Runtime
{
    /// <summary>A timer of one activation.</summary>
    public interface IGrainTimer : IDisposable
    {
        /// <summary>Sets when the next tick comes and how long after a tick's end the following one.</summary>
        void Change(TimeSpan dueTime, TimeSpan period);
    }

    /// <summary>How a grain timer behaves.</summary>
    public readonly struct GrainTimerCreationOptions()
    {
        [SetsRequiredMembers]
        public GrainTimerCreationOptions(TimeSpan dueTime, TimeSpan period) : this()
        {
            DueTime = dueTime;
            Period = period;
        }

        /// <summary>Time to the first tick; <see cref="Timeout.InfiniteTimeSpan"/> for none.</summary>
        public required TimeSpan DueTime { get; init; }

        /// <summary>Time from the end of a tick to the next; <see cref="Timeout.InfiniteTimeSpan"/> for none.</summary>
        public required TimeSpan Period { get; init; }

        /// <summary>Whether ticks may run between the turns of requests. Default: false.</summary>
        public bool Interleave { get; init; } = false;

        /// <summary>Whether a tick counts as activity of the grain. Default: false.</summary>
        public bool KeepAlive { get; init; } = false;
    }
}

namespace Orleans.Timers
{
    /// <summary>Creates the timers of activations.</summary>
    public interface ITimerRegistry
    {
        IGrainTimer RegisterGrainTimer<TState>(
            IGrainContext grainContext, Func<TState, CancellationToken, Task> callback, TState state, GrainTimerCreationOptions options);
    }
}
