using FineTuneGrid.Contracts;

namespace FineTuneGrid.Storage.Tests;

public sealed class DataDirectoryLockTests : IDisposable
{
    private readonly TempFolder _folder = new();

    [Fact]
    public async Task Acquire_HeldByAnotherProcess_NamesItAndFreesWhenItIsKilled()
    {
        var directory = _folder.File("new/data");
        using var child = new ChildProcess("lock", directory);
        Assert.Equal("locked", await child.NextLineAsync());

        var e = Assert.Throws<GridException>(() => DataDirectoryLock.Acquire(directory));

        Assert.Equal((ErrorCodes.InUse, "data"), (e.Code, e.Field));
        Assert.Contains($"in use by pid {child.Id}", e.Message);
        Assert.Contains(directory, e.Message);
        await child.KillAsync();
        DataDirectoryLock.Acquire(directory).Dispose();
    }

    [Fact]
    public void Acquire_TwiceInOneProcess_IsRefusedUntilReleased()
    {
        using (DataDirectoryLock.Acquire(_folder.Path))
        {
            var e = Assert.Throws<GridException>(() => DataDirectoryLock.Acquire(_folder.Path));
            Assert.Contains($"pid {Environment.ProcessId}", e.Message);
        }
        DataDirectoryLock.Acquire(_folder.Path).Dispose();
    }

    public void Dispose() => _folder.Dispose();
}
