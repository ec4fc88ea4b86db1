using FineTuneGrid.Contracts.Inspection;

namespace FineTuneGrid.Grains.Registry;

/// <summary>Runs the process that parses what users bring, under limits. Nothing of a user's is ever parsed in a silo.</summary>
public interface IInspector
{
    /// <exception cref="FineTuneGrid.Contracts.GridException">The refusal, also where the process died on its input.</exception>
    Task<InspectorReply> RunAsync(InspectorRequest request, CancellationToken cancellation);
}
