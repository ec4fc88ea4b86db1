using FineTuneGrid.Orleans.Tests.Support;
using Orleans;

namespace FineTuneGrid.Orleans.Tests;

public interface ICancelGrain : IGrainWithStringKey
{
    Task<string> WaitForCancel(string name, CancellationToken cancellationToken);

    Task Ignore(string name, CancellationToken cancellationToken);

    [ResponseTimeout("00:00:00.500")]
    Task NeverAnswer(string name);
}

public sealed class CancelGrain(Journal journal) : Grain, ICancelGrain
{
    public async Task<string> WaitForCancel(string name, CancellationToken cancellationToken)
    {
        journal.Write($"waiting {name} {cancellationToken.CanBeCanceled}");
        try
        {
            await Task.Delay(Timeout.Infinite, cancellationToken);
            return "not cancelled";
        }
        catch (OperationCanceledException)
        {
            journal.Write($"cancelled {name}");
            throw;
        }
    }

    public async Task Ignore(string name, CancellationToken cancellationToken)
    {
        journal.Write($"ignoring {name}");
        await journal.PassAsync($"{name} may end");
        journal.Write($"ended {name}");
    }

    public async Task NeverAnswer(string name)
    {
        journal.Write($"silent {name}");
        await journal.PassAsync($"{name} may answer");
        journal.Write($"answered {name}");
    }
}
