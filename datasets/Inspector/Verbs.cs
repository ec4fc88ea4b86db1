using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Shards;
using FineTuneGrid.Storage;

namespace FineTuneGrid.Inspector;

/// <summary>What an inspector can be asked.</summary>
internal static class Verbs
{
    public static async Task<InspectorReply> RunAsync(InspectorRequest request)
    {
        if (request.PreviewDataset is { } preview)
            return new InspectorReply(Preview: await DatasetPreviewing.RunAsync(preview));
        var store = Open(request.Blobs);
        using var _ = store as IDisposable;
        return request switch
        {
            { InspectDataset: { } dataset } => new InspectorReply(Dataset: await DatasetInspection.RunAsync(store, dataset)),
            { TokenizeDataset: { } tokens } => new InspectorReply(Tokens: await DatasetTokenizer.RunAsync(store, tokens)),
            { InspectModel: { } model } => new InspectorReply(Model: await ModelInspection.RunAsync(store, model)),
            { InspectAdapter: { } adapter } => new InspectorReply(Adapter: await AdapterChecks.RunAsync(store, adapter)),
            { TokenizeText: { } text } => new InspectorReply(TokenizedText: await TextVerbs.TokenizeAsync(store, text)),
            { Detokenize: { } ids } => new InspectorReply(Text: await TextVerbs.DetokenizeAsync(store, ids)),
            _ => throw new GridException(ErrorCodes.InvalidRequest, "The inspection request names no verb."),
        };
    }

    private static IBlobStore Open(BlobAccess access) => access switch
    {
        { LocalRoot: { } root } => new LocalBlobStore(root),
        { AzureContainerUri: { } uri } => AzureBlobStore.FromSasUri(new Uri(uri), access.CacheDirectory),
        _ => throw new GridException(ErrorCodes.InvalidRequest, "The request gives access to no blob store.", "blobs"),
    };
}
