using System.Runtime.InteropServices;
using System.Text;
using FineTuneGrid.Contracts;

namespace FineTuneGrid.Storage.Tests;

public sealed class SafetensorsRoundTripTests
{
    [Fact]
    public async Task Write_TwoTensors_HasExactlyTheseBytes()
    {
        SafetensorsEntry[] tensors =
        [
            new("b", SafetensorsDtype.U8, [3], new byte[] { 1, 2, 3 }),
            new("a", SafetensorsDtype.F32, [1, 1], MemoryMarshal.AsBytes<float>(new[] { 1f }).ToArray()),
        ];

        var bytes = await BytesOf(tensors, SafetensorsWriter.AdapterMetadata);

        const string Json = """{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[1,1],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[3],"data_offsets":[4,7]}}""";
        var header = Json.PadRight((Json.Length + 7) / 8 * 8);
        Assert.Equal((byte[])[(byte)header.Length, 0, 0, 0, 0, 0, 0, 0, .. Encoding.ASCII.GetBytes(header), 0, 0, 0x80, 0x3F, 1, 2, 3], bytes);
    }

    [Fact]
    public async Task WriteThenRead_EveryDtype_GivesTheSameTensors()
    {
        var random = new Random(11);
        var tensors = Enum.GetValues<SafetensorsDtype>().Select(dtype =>
        {
            var bytes = new byte[6 * dtype.SizeOf()];
            random.NextBytes(bytes);
            return new SafetensorsEntry($"layer.{dtype}", dtype, [2, 3], bytes);
        }).Append(new SafetensorsEntry("scalar", SafetensorsDtype.F32, [], new byte[4])).Append(new SafetensorsEntry("none", SafetensorsDtype.F32, [0, 7], default(ReadOnlyMemory<byte>))).ToList();

        using var file = SafetensorsBytes.Open(await BytesOf(tensors, new Dictionary<string, string> { ["k"] = "ü\u0001\"" }));

        Assert.Equal(tensors.Count, file.Header.Tensors.Count);
        Assert.Equal("ü\u0001\"", file.Header.Metadata["k"]);
        foreach (var expected in tensors)
        {
            var tensor = file.Get(expected.Name);
            Assert.Equal((expected.Dtype, expected.Length), (tensor.Dtype, tensor.Length));
            Assert.Equal(expected.Shape, tensor.Shape);
            Assert.True(file.BytesOf(tensor).SequenceEqual(Assert.Single(expected.Pieces()).Span), expected.Name);
        }
    }

    [Fact]
    public async Task Write_TensorsInAnyOrder_GivesTheSameBytes()
    {
        var tensors = Enumerable.Range(0, 50).Select(i => new SafetensorsEntry($"t{i}", SafetensorsDtype.I16, [i], new byte[2 * i])).ToArray();
        var expected = await BytesOf(tensors);
        new Random(3).Shuffle(tensors);
        Assert.Equal(expected, await BytesOf(tensors));
    }

    [Fact]
    public async Task Write_WrongByteCount_Throws()
    {
        var e = await Assert.ThrowsAsync<InvalidOperationException>(() => BytesOf([new("w", SafetensorsDtype.F32, [2], new byte[4])]));
        Assert.Contains("'w'", e.Message);
    }

    [Fact]
    public void Write_OneNameTwice_Throws()
    {
        SafetensorsEntry[] tensors = [new("w", SafetensorsDtype.U8, [0], default(ReadOnlyMemory<byte>)), new("w", SafetensorsDtype.U8, [0], default(ReadOnlyMemory<byte>))];
        Assert.Throws<ArgumentException>(() => SafetensorsWriter.CreateStream(tensors));
    }

    [Fact]
    public async Task Write_ToAStore_AsksForOneTensorAtATime()
    {
        using var folder = new TempFolder();
        using var store = new LocalBlobStore(folder.Path);
        var order = new List<string>();
        var tensors = new[] { "c", "a", "b" }.Select(name => new SafetensorsEntry(name, SafetensorsDtype.F32, [5], () =>
        {
            order.Add(name);
            return new byte[20];
        }));

        await using var stream = SafetensorsWriter.CreateStream(tensors);
        var info = await store.WriteAsync("adapters/1/adapter_model.safetensors", stream);

        Assert.Equal(["a", "b", "c"], order);
        Assert.Equal(stream.Length, info.Length);
        using var local = (await store.OpenLocalAsync("adapters/1/adapter_model.safetensors"))!;
        using var file = SafetensorsFile.Open(local.Handle, "adapter_model.safetensors", SafetensorsProfile.Adapter);
        Assert.Equal(3, file.Header.Tensors.Count);
    }

    [Theory]
    [InlineData(SafetensorsDtype.F32, new byte[] { 0, 0, 0x80, 0x7F })]
    [InlineData(SafetensorsDtype.F32, new byte[] { 1, 0, 0xC0, 0xFF })]
    [InlineData(SafetensorsDtype.BF16, new byte[] { 0x80, 0xFF })]
    [InlineData(SafetensorsDtype.F16, new byte[] { 0x01, 0x7C })]
    [InlineData(SafetensorsDtype.F64, new byte[] { 0, 0, 0, 0, 0, 0, 0xF0, 0x7F })]
    public async Task FirstNonFinite_OneBadValue_FindsItsIndex(SafetensorsDtype dtype, byte[] bad)
    {
        const int Count = 1_000_003;
        var bytes = new byte[Count * bad.Length];
        using (var clean = SafetensorsBytes.Open(await BytesOf([new("w", dtype, [Count], bytes)])))
            Assert.Null(clean.FirstNonFinite(clean.Get("w")));
        foreach (var index in new[] { 0, 777_777, Count - 1 })
        {
            var spoiled = bytes.ToArray();
            bad.CopyTo(spoiled, index * bad.Length);
            using var file = SafetensorsBytes.Open(await BytesOf([new("w", dtype, [Count], spoiled)]));
            Assert.Equal(index, file.FirstNonFinite(file.Get("w")));
        }
    }

    [Fact]
    public async Task OpenFolder_ShardsWithIndex_FindsEveryTensor()
    {
        using var folder = new TempFolder();
        await WriteShards(folder, """{"metadata":{"total_size":2},"weight_map":{"a":"model-1.safetensors","b":"model-2.safetensors"}}""");
        using var model = SafetensorsModel.OpenFolder(folder.Path);
        Assert.Equal(["a", "b"], model.Names.Order());
        Assert.True(model.TryGet("b", out var file, out var tensor));
        Assert.Equal([7], file.BytesOf(tensor).ToArray());
        Assert.False(model.TryGet("c", out _, out _));
    }

    [Fact]
    public async Task OpenBlobs_ShardsWithIndex_OutliveTheStoresHandles()
    {
        using var folder = new TempFolder();
        using var store = new LocalBlobStore(folder.File("blobs"));
        await WriteShards(folder, """{"weight_map":{"a":"model-1.safetensors","b":"model-2.safetensors"}}""");
        foreach (var path in Directory.GetFiles(folder.Path))
            await store.WriteBytesAsync($"models/1/{Path.GetFileName(path)}", await File.ReadAllBytesAsync(path));
        using var model = await SafetensorsModel.OpenBlobsAsync(store, "models/1");
        await store.DeleteAsync("models/1/model-2.safetensors");
        Assert.True(model.TryGet("b", out var file, out var tensor));
        Assert.Equal([7], file.BytesOf(tensor).ToArray());
    }

    [Theory]
    [InlineData("""{"weight_map":{"a":"../model-1.safetensors"}}""", "'a'")]
    [InlineData("""{"weight_map":{"a":"/etc/model.safetensors"}}""", "'a'")]
    [InlineData("""{"weight_map":{"a":"sub/model-1.safetensors"}}""", "'a'")]
    [InlineData("""{"weight_map":{"a":"C:\\model.safetensors"}}""", "'a'")]
    [InlineData("""{"weight_map":{"a":"pytorch_model.bin"}}""", "'a'")]
    [InlineData("""{"weight_map":{"a":".safetensors"}}""", "'a'")]
    [InlineData("""{"weight_map":{"a":null}}""", "'a'")]
    [InlineData("""{"weight_map":{"a":"model-1.safetensors","a":"model-2.safetensors"}}""", "index")]
    [InlineData("""{"weight_map":{}}""", "weight_map")]
    [InlineData("""{}""", "weight_map")]
    [InlineData("""[]""", "index")]
    [InlineData("""{"weight_map":{"a":"\ud800.safetensors"}}""", "index")]
    [InlineData("""{"weight_map":{"c":"model-1.safetensors"}}""", "'c'")]
    [InlineData("""{"weight_map":{"a":"model-3.safetensors"}}""", "model-3.safetensors")]
    public async Task OpenFolder_WrongIndex_IsRefusedByName(string index, string named)
    {
        using var folder = new TempFolder();
        await WriteShards(folder, index);
        var e = Assert.Throws<GridException>(() => SafetensorsModel.OpenFolder(folder.Path));
        Assert.Contains(named, e.Message);
    }

    [Fact]
    public void OpenFolder_NoWeights_SaysWhatIsMissing()
    {
        using var folder = new TempFolder();
        var e = Assert.Throws<GridException>(() => SafetensorsModel.OpenFolder(folder.Path));
        Assert.Equal(ErrorCodes.InvalidModel, e.Code);
        Assert.Contains("model.safetensors", e.Message);
    }

    private static async Task WriteShards(TempFolder folder, string index)
    {
        await File.WriteAllBytesAsync(folder.File("model-1.safetensors"), await BytesOf([new("a", SafetensorsDtype.U8, [1], new byte[] { 5 })]));
        await File.WriteAllBytesAsync(folder.File("model-2.safetensors"), await BytesOf([new("b", SafetensorsDtype.U8, [1], new byte[] { 7 })]));
        await File.WriteAllTextAsync(folder.File(SafetensorsIndex.FileName), index);
    }

    private static async Task<byte[]> BytesOf(IEnumerable<SafetensorsEntry> tensors, IReadOnlyDictionary<string, string>? metadata = null)
    {
        using var buffer = new MemoryStream();
        await SafetensorsWriter.WriteAsync(buffer, tensors, metadata);
        return buffer.ToArray();
    }
}
