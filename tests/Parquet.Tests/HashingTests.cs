using System.IO.Hashing;
using System.Reflection;
using System.Text;
using Azure.Core.Pipeline;
using Azure.Storage;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;

namespace FineTuneGrid.ParquetTests;

/// <summary>Checksums against the published check values of "123456789", and the Azure client that is compiled against them.</summary>
public sealed class HashingTests
{
    private static readonly byte[] Digits = Encoding.ASCII.GetBytes("123456789");

    [Fact]
    public void Crc32_OfDigits_IsThePublishedValue()
    {
        Assert.Equal(0xCBF43926u, Crc32.HashToUInt32(Digits));
        Assert.Equal("2639F4CB", Convert.ToHexString(Crc32.Hash(Digits)));
    }

    [Fact]
    public void Crc64_OfDigits_IsThePublishedValueOfEcma182()
    {
        Assert.Equal(0x6C40DF5F0B497347ul, Crc64.HashToUInt64(Digits));
        Assert.Equal("6C40DF5F0B497347", Convert.ToHexString(Crc64.Hash(Digits)));
    }

    [Fact]
    public async Task Hash_InPieces_EqualsTheHashOfTheWhole()
    {
        byte[] bytes = [.. Enumerable.Range(0, 100_003).Select(i => (byte)(i * 31 + (i >> 8)))];
        foreach (NonCryptographicHashAlgorithm hash in new NonCryptographicHashAlgorithm[] { new Crc32(), new Crc64() })
        {
            hash.Append(bytes);
            byte[] whole = hash.GetHashAndReset();
            hash.Append(bytes.AsSpan(0, 7));
            await hash.AppendAsync(new MemoryStream(bytes, 7, bytes.Length - 7));
            Assert.Equal(whole, hash.GetCurrentHash());
            Assert.False(hash.TryGetCurrentHash(new byte[hash.HashLengthInBytes - 1], out _));
            hash.Reset();
            Assert.Equal(hash.GetCurrentHash(), hash.GetHashAndReset());
        }
    }

    /// <summary>The client was compiled against the signed assembly; the upload below runs its CRC-64 over the content.</summary>
    [Fact]
    public async Task AzureUpload_WithStorageCrc64_UsesThisAssembly()
    {
        var server = new RecordingHandler();
        var options = new BlobClientOptions { Transport = new HttpClientTransport(new HttpClient(server)), Retry = { MaxRetries = 0 } };
        var blob = new BlobClient(new Uri("http://127.0.0.1:1/container/blob"), options);
        var upload = new BlobUploadOptions { TransferValidation = new UploadTransferValidationOptions { ChecksumAlgorithm = StorageChecksumAlgorithm.StorageCrc64 } };
        await blob.UploadAsync(BinaryData.FromBytes(Digits), upload);
        // Azure's own CRC-64 (polynomial 0x9A6C9329AC4BC9B5, reflected) is computed by a class derived from ours.
        Assert.Equal(8, Convert.FromBase64String(server.Crc64!).Length);
        Assembly common = typeof(StorageChecksumAlgorithm).Assembly;
        Type derived = common.GetTypes().Single(type => type.BaseType == typeof(NonCryptographicHashAlgorithm));
        Assert.Contains("Crc64", derived.Name);
    }

    private sealed class RecordingHandler : HttpMessageHandler
    {
        public string? Crc64 { get; private set; }

        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            Crc64 = request.Headers.TryGetValues("x-ms-content-crc64", out IEnumerable<string>? values) ? values.Single() : null;
            var response = new HttpResponseMessage(System.Net.HttpStatusCode.Created) { RequestMessage = request, Content = new ByteArrayContent([]) };
            response.Headers.TryAddWithoutValidation("ETag", "\"1\"");
            response.Headers.TryAddWithoutValidation("x-ms-content-crc64", Crc64);
            response.Content.Headers.LastModified = DateTimeOffset.UnixEpoch;
            return Task.FromResult(response);
        }
    }
}
