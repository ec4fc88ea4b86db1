using FineTuneGrid.Contracts.Jobs;
using Microsoft.Extensions.Logging;

namespace FineTuneGrid.Grains.Jobs;

public sealed partial class JobGrain
{
    [LoggerMessage(LogLevel.Information, "Job {Job}, epoch {Epoch}: {From} -> {To}")]
    private partial void LogStatus(string job, int epoch, JobStatus? from, JobStatus to);

    [LoggerMessage(LogLevel.Warning, "Job {Job}: effect {Effect} ({Operation}) failed and is tried again in {Seconds} s")]
    private partial void LogEffectFailed(Exception e, string job, string effect, string operation, double seconds);

    [LoggerMessage(LogLevel.Warning, "Job {Job}: effect {Effect} ({Operation}) is tried again in {Seconds} s: {Obstacle}")]
    private partial void LogEffectWaits(string job, string effect, string operation, string obstacle, double seconds);

    [LoggerMessage(LogLevel.Error, "Job {Job}: its state could not be saved; the activation ends and reads it again")]
    private partial void LogStateFailed(Exception e, string job);
}
