namespace FineTuneGrid.Gateway.Access;

/// <summary>The first key of an installation: <c>DATA/admin.key</c>, mode 0600.</summary>
public static class AdminKey
{
    public const string Id = "key-admin";
    public const string FileName = "admin.key";

    public static string Ensure(string dataDirectory) => SecretFile.Ensure(Path.Combine(dataDirectory, FileName), ApiKeys.Create);
}
