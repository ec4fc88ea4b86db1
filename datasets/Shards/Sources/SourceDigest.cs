using System.Security.Cryptography;
using System.Text;
using FineTuneGrid.Contracts.Inspection;

namespace FineTuneGrid.Shards;

/// <summary>The identity of a set of files: SHA-256 over a line <c>{sha256}  {path}</c> for each, lower-case hex.</summary>
public static class SourceDigest
{
    /// <summary>Of files whose order matters (a data set).</summary>
    public static string Ordered(IEnumerable<SourceFile> files) => Of(files);

    /// <summary>Of files whose order does not (a model).</summary>
    public static string Sorted(IEnumerable<SourceFile> files) => Of(files.OrderBy(f => f.Path, StringComparer.Ordinal));

    private static string Of(IEnumerable<SourceFile> files) => Convert.ToHexStringLower(
        SHA256.HashData(Encoding.UTF8.GetBytes(string.Concat(files.Select(f => $"{f.Sha256}  {f.Path}\n")))));
}
