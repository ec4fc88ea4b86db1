using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Gateway.Assets;

namespace FineTuneGrid.Gateway.Runs;

/// <summary>
/// Tokenizers and templates are what users brought, so that an inspector process reads them, one a request; a few at a time, since
/// each costs a process.
/// </summary>
public sealed class TextService(IInspector inspector) : IDisposable
{
    private const int AtOnce = 4;

    private readonly SemaphoreSlim _places = new(AtOnce);

    public async Task<TokenizedTextReply> TokenizeAsync(TokenizeTextRequest request, CancellationToken ct) =>
        (await RunAsync(new InspectorRequest(inspector.Blobs, TokenizeText: request with { Model = Bare(request.Model) }), ct)).TokenizedText ?? throw Strange();

    public async Task<string> DetokenizeAsync(DetokenizeRequest request, CancellationToken ct) =>
        (await RunAsync(new InspectorRequest(inspector.Blobs, Detokenize: request with { Model = Bare(request.Model) }), ct)).Text ?? throw Strange();

    public void Dispose() => _places.Dispose();

    private async Task<InspectorReply> RunAsync(InspectorRequest request, CancellationToken ct)
    {
        await _places.WaitAsync(ct);
        try
        {
            var reply = await inspector.RunAsync(request, ct);
            return reply.Error is { } error ? throw error.ToException() : reply;
        }
        finally
        {
            _places.Release();
        }
    }

    // Weights play no part, and a large model has thousands of modules.
    private static ModelManifest Bare(ModelManifest model) =>
        model with { LinearModules = [], Files = [.. model.Files.Where(f => !f.Path.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase))] };

    private static GridException Strange() => new(ErrorCodes.Internal, "The inspector answered with something else than it was asked for.");
}
