namespace FineTuneGrid.Deploy;

internal sealed class TemporaryFolder : IDisposable
{
    private readonly string _path = Directory.CreateTempSubdirectory("ftg-deploy-").FullName;

    public string At(string relative) => Path.Combine(_path, relative);

    public void Dispose() => Directory.Delete(_path, recursive: true);
}
