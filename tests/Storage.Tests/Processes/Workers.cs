using System.Security.Cryptography;

namespace FineTuneGrid.Storage.Tests;

/// <summary>The loops that tests run in other processes; each line on the output is an acknowledgement.</summary>
public static class Workers
{
    public static async Task IncrementAsync(string root, string key, int count)
    {
        using var store = new LocalBlobStore(root);
        for (var i = 0; i < count; i++)
        {
            await IncrementOnceAsync(store, key);
            Console.WriteLine($"ack {i + 1}");
        }
    }

    public static async Task IncrementOnceAsync(IBlobStore store, string key)
    {
        while (true)
        {
            var read = await store.ReadJsonAsync<int>(key);
            try
            {
                await store.WriteJsonAsync(key, (read?.Value ?? 0) + 1, WriteCondition.Replacing(read?.Info));
                return;
            }
            catch (BlobConflictException)
            {
                // Another process was first: read again.
            }
        }
    }

    /// <summary>Overwrites one blob, without condition, with contents that prove themselves whole.</summary>
    public static async Task RewriteForEverAsync(string root, string key)
    {
        using var store = new LocalBlobStore(root);
        for (var number = await ReadNumberAsync(store, key) + 1; ; number++)
        {
            await store.WriteBytesAsync(key, SelfProving(number));
            Console.WriteLine($"ack {number}");
        }
    }

    /// <summary>Makes one new key after the other, as an accepted job does: a blob with content, and an empty mark before it.</summary>
    public static async Task CreateForEverAsync(string root, string prefix)
    {
        using var store = new LocalBlobStore(root);
        for (var number = await CountAsync(store, $"{prefix}/blobs/") + 1; ; number++)
        {
            await store.WriteBytesAsync($"{prefix}/marks/{number}", default);
            await store.WriteBytesAsync($"{prefix}/blobs/{number}", SelfProving(number), WriteCondition.IfAbsent);
            Console.WriteLine($"ack {number}");
        }
    }

    public static async Task<long> CountAsync(IBlobStore store, string prefix) => await store.ListAsync(prefix).LongCountAsync();

    /// <summary>The number in the blob, 0 where there is none.</summary>
    public static async Task<long> ReadNumberAsync(IBlobStore store, string key)
    {
        if (await store.ReadAllBytesAsync(key) is not var (_, bytes))
            return 0;
        var number = BitConverter.ToInt64(bytes);
        if (!bytes.AsSpan().SequenceEqual(SelfProving(number)))
            throw new InvalidDataException($"The version {number} of '{key}' is not whole.");
        return number;
    }

    public static async Task CheckpointForEverAsync(string root, string job, long epoch)
    {
        using var blobs = new LocalBlobStore(root);
        var store = new CheckpointStore(blobs, job);
        await store.FenceAsync(epoch, $"epoch-{epoch}");
        var restored = await store.RestoreAsync();
        for (var step = (restored?.Manifest.Step ?? 0) + 1; ; step++)
        {
            await store.CommitAsync(CheckpointOf(epoch, step));
            Console.WriteLine($"ack {step}");
            // Nobody else writes this job, so nothing is in progress that a collection could hurt.
            await store.CollectAsync(keepLast: 2, minAge: TimeSpan.Zero);
        }
    }

    public static CheckpointCommit CheckpointOf(long epoch, long step) =>
        new(epoch, step, step * 3, [new CheckpointPart("weights", SelfProving(step)), new CheckpointPart("moments", SelfProving(-step))]);

    public static Task HoldLockAsync(string directory)
    {
        using var held = DataDirectoryLock.Acquire(directory);
        Console.WriteLine("locked");
        // Until the parent closes our input, or kills us.
        return Console.In.ReadToEndAsync();
    }

    /// <summary>8 bytes number, then up to 200,000 bytes that follow from it, then their digest.</summary>
    public static byte[] SelfProving(long number)
    {
        var body = new byte[8 + (int)(Math.Abs(number) * 7919 % 200_000)];
        new Random((int)number).NextBytes(body);
        BitConverter.TryWriteBytes(body, number);
        return [.. body, .. SHA256.HashData(body)];
    }
}
