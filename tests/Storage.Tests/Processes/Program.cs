namespace FineTuneGrid.Storage.Tests;

/// <summary>What this assembly does when a test starts it as a process of its own.</summary>
public static class Program
{
    public static async Task<int> Main(string[] args)
    {
        await (args switch
        {
            ["increment", var root, var key, var count] => Workers.IncrementAsync(root, key, int.Parse(count)),
            ["create", var root, var prefix] => Workers.CreateForEverAsync(root, prefix),
            ["rewrite", var root, var key] => Workers.RewriteForEverAsync(root, key),
            ["checkpoint", var root, var job, var epoch] => Workers.CheckpointForEverAsync(root, job, long.Parse(epoch)),
            ["lock", var directory] => Workers.HoldLockAsync(directory),
            _ => throw new ArgumentException($"unknown arguments: {string.Join(' ', args)}"),
        });
        return 0;
    }
}
