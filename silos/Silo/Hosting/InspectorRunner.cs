using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Grains.Registry;
using FineTuneGrid.Storage;

namespace FineTuneGrid.Silo;

/// <summary>The inspector process for the grains.</summary>
internal sealed class InspectorRunner(IReadOnlyList<string> command) : IInspector
{
    private readonly InspectorLauncher _launcher = new(command);

    public Task<InspectorReply> RunAsync(InspectorRequest request, CancellationToken cancellation) => _launcher.RunAsync(request, cancellation);
}
