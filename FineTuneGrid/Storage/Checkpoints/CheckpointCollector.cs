namespace FineTuneGrid.Storage;

/// <summary>
/// Removes what no kept checkpoint needs. The head is read before the listing: what is committed in between is young, and
/// what was rewritten in between has another ETag than the one listed, so both are spared.
/// </summary>
internal sealed class CheckpointCollector(IBlobStore store, CheckpointKeys keys, CheckpointBlobs blobs, TimeProvider time)
{
    public async Task<CheckpointCollection> CollectAsync(int keepLast, TimeSpan minAge, CancellationToken cancellation)
    {
        var candidates = await FindAsync(keepLast, minAge, cancellation);
        var manifests = await DeleteAsync(candidates.Where(b => !IsPart(b)), cancellation);
        var parts = await DeleteAsync(candidates.Where(IsPart), cancellation);
        return new CheckpointCollection(manifests.Count, parts.Count, manifests.Bytes + parts.Bytes);
    }

    /// <summary>Manifests go first, so that an interruption leaves parts without a manifest and never the reverse.</summary>
    public async Task<List<BlobInfo>> FindAsync(int keepLast, TimeSpan minAge, CancellationToken cancellation)
    {
        var head = await blobs.ReadHeadAsync(cancellation);
        var needed = new HashSet<string>(StringComparer.Ordinal);
        foreach (var reference in head?.Head.Recent.Take(keepLast) ?? [])
        {
            needed.Add(reference.Manifest);
            // A manifest that cannot be read throws: without it nobody knows which parts it needs.
            var manifest = await blobs.ReadManifestAsync(reference.Manifest, cancellation);
            needed.UnionWith(manifest.Parts.Select(p => keys.Part(p.Sha256)));
        }
        var oldest = time.GetUtcNow() - minAge;
        return await store.ListAsync(keys.Folder, cancellation)
            .Where(blob => !needed.Contains(blob.Key) && blob.Modified <= oldest)
            .OrderBy(IsPart)
            .ToListAsync(cancellation);
    }

    private bool IsPart(BlobInfo blob) => blob.Key.StartsWith(keys.Parts, StringComparison.Ordinal);

    private async Task<(int Count, long Bytes)> DeleteAsync(IEnumerable<BlobInfo> candidates, CancellationToken cancellation)
    {
        var (count, bytes) = (0, 0L);
        foreach (var blob in candidates)
        {
            try
            {
                if (!await store.DeleteAsync(blob.Key, blob.ETag, cancellation))
                    continue;
                count++;
                bytes += blob.Length;
            }
            catch (BlobConflictException)
            {
                // Written again since it was listed: a commit needs it.
            }
        }
        return (count, bytes);
    }
}
