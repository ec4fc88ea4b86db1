using System.Buffers.Binary;
using System.Text;

namespace FineTuneGrid.Storage.Tests;

/// <summary>Files made by hand, right or wrong.</summary>
internal static class SafetensorsBytes
{
    public static byte[] Of(string header, int dataBytes = 0, long? declaredLength = null) => Of(Encoding.UTF8.GetBytes(header), dataBytes, declaredLength);

    public static byte[] Of(byte[] header, int dataBytes = 0, long? declaredLength = null)
    {
        var file = new byte[8 + header.Length + dataBytes];
        BinaryPrimitives.WriteInt64LittleEndian(file, declaredLength ?? header.Length);
        header.CopyTo(file, 8);
        return file;
    }

    /// <summary>Opens the bytes as a mapped file; the reader under test.</summary>
    public static SafetensorsFile Open(byte[] bytes, SafetensorsProfile? profile = null)
    {
        var path = Path.Combine(Path.GetTempPath(), $"ftg-{Guid.NewGuid():N}.safetensors");
        File.WriteAllBytes(path, bytes);
        try
        {
            using var handle = File.OpenHandle(path);
            return SafetensorsFile.Open(handle, "evil.safetensors", profile);
        }
        finally
        {
            File.Delete(path);
        }
    }
}
