using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Gateway.Assets;
using FineTuneGrid.Storage;

namespace FineTuneGrid.Host;

/// <summary>The inspector process for the gateway.</summary>
internal sealed class GatewayInspector(BlobAccessIssuer blobs, IReadOnlyList<string> command) : IInspector
{
    private readonly InspectorLauncher _launcher = new(command);

    public BlobAccess Blobs => blobs.Issue();

    public Task<InspectorReply> RunAsync(InspectorRequest request, CancellationToken ct) => _launcher.RunAsync(request, ct);
}
