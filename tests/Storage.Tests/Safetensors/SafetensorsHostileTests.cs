using System.Diagnostics;
using System.Text;
using FineTuneGrid.Contracts;

namespace FineTuneGrid.Storage.Tests;

/// <summary>Files that no reader should take, each refused quickly, by name, without being believed.</summary>
public sealed class SafetensorsHostileTests
{
    private static readonly Dictionary<string, (byte[] File, string Named)> Corpus = MakeCorpus();

    public static TheoryData<string> Names => [.. Corpus.Keys];

    [Fact]
    public void Corpus_HasFortyFiles() => Assert.True(Corpus.Count >= 40, $"only {Corpus.Count}");

    [Theory]
    [MemberData(nameof(Names))]
    public async Task Open_HostileFile_IsRefusedByNameQuicklyAndWithoutMuchMemory(string name)
    {
        var (bytes, named) = Corpus[name];
        var e = Refuse(bytes);
        var before = GC.GetAllocatedBytesForCurrentThread();
        Refuse(bytes);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 4 * bytes.Length + 200_000);
        // The best of some: another process may have the core for a while.
        Assert.InRange(Enumerable.Range(0, 5).Min(_ => MillisecondsToRefuse(bytes)), 0, 100);
        Assert.Equal(ErrorCodes.InvalidSafetensors, e.Code);
        Assert.Contains("evil.safetensors", e.Message);
        Assert.Contains(named, e.Message);
        Assert.DoesNotContain(e.Message, char.IsControl);
        var streamed = await Assert.ThrowsAsync<GridException>(() => SafetensorsHeader.ReadAsync(new MemoryStream(bytes), bytes.Length, "evil.safetensors"));
        Assert.Equal(ErrorCodes.InvalidSafetensors, streamed.Code);
    }

    [Theory]
    [InlineData("""{"a":{"dtype":"I64","shape":[1],"data_offsets":[0,8]}}""", 8, "I64")]
    [InlineData("""{"a b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 4, "'a b'")]
    [InlineData("""{"a/../b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 4, "'a/../b'")]
    public void Open_AdapterProfile_IsTighter(string header, int dataBytes, string named)
    {
        var bytes = SafetensorsBytes.Of(header, dataBytes);
        using (var general = SafetensorsBytes.Open(bytes))
            Assert.Single(general.Header.Tensors);
        var e = Assert.Throws<GridException>(() => SafetensorsBytes.Open(bytes, SafetensorsProfile.Adapter));
        Assert.Contains(named, e.Message);
    }

    [Fact]
    public void Open_AdapterProfile_BoundsHeaderFileAndCount()
    {
        var bytes = SafetensorsBytes.Of("""{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[0],"data_offsets":[2,2]}}""", 2);
        foreach (var profile in new[]
        {
            SafetensorsProfile.General with { MaxHeaderBytes = 20 },
            SafetensorsProfile.General with { MaxFileBytes = 20 },
            SafetensorsProfile.General with { MaxTensors = 1 },
            SafetensorsProfile.General with { MaxNameLength = 0 },
        })
            Assert.Equal(ErrorCodes.InvalidSafetensors, Assert.Throws<GridException>(() => SafetensorsBytes.Open(bytes, profile)).Code);
    }

    [Theory]
    [InlineData("""{}""", 0)]
    [InlineData("""{}      """, 0)]
    [InlineData("{\n\t\"a\" : {\"shape\":[], \"data_offsets\":[0,4], \"dtype\":\"F32\"}\n}", 4)]
    [InlineData("""{"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}""", 3)]
    [InlineData("""{"a":{"dtype":"U8","shape":[0,9223372036854775807],"data_offsets":[0,0]}}""", 0)]
    [InlineData("""{"__metadata__":{},"ä\u00e9\ud83d\ude00":{"dtype":"BOOL","shape":[1],"data_offsets":[0,1]}}""", 1)]
    public void Open_UnusualButRight_IsAccepted(string header, int dataBytes)
    {
        using var file = SafetensorsBytes.Open(SafetensorsBytes.Of(header, dataBytes));
        Assert.Equal(dataBytes, file.Header.Tensors.Sum(t => t.Length));
    }

    [Fact]
    public void Open_MutatedHeaders_AreRefusedOrFullyConsistent()
    {
        var random = new Random(20260822);
        var seeds = new[]
        {
            """{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},"b":{"dtype":"BF16","shape":[4],"data_offsets":[24,32]}}""",
            """{"x":{"dtype":"U8","shape":[16],"data_offsets":[0,16]},"y":{"dtype":"I64","shape":[2,1],"data_offsets":[16,32]},"z":{"dtype":"F64","shape":[0],"data_offsets":[32,32]}}""",
        };
        var accepted = 0;
        for (var i = 0; i < 20_000; i++)
        {
            var file = Mutate(SafetensorsBytes.Of(seeds[i % seeds.Length], 32), random);
            try
            {
                var header = SafetensorsHeader.Read(file, file.Length, "fuzz", SafetensorsProfile.General);
                AssertConsistent(header, file.Length);
                accepted++;
            }
            catch (GridException e)
            {
                Assert.Equal(ErrorCodes.InvalidSafetensors, e.Code);
            }
        }
        // Some mutations (a name, a digit of metadata) are harmless; if none or all were, the test would test nothing.
        Assert.InRange(accepted, 100, 19_000);
    }

    private static void AssertConsistent(SafetensorsHeader header, long fileLength)
    {
        var end = 0L;
        foreach (var tensor in header.Tensors)
        {
            Assert.Equal(end, tensor.Offset);
            Assert.Equal(tensor.Length, tensor.Shape.Aggregate((Int128)tensor.Dtype.SizeOf(), (p, d) => p * d));
            end += tensor.Length;
        }
        Assert.Equal(fileLength, header.DataOffset + end);
    }

    private static byte[] Mutate(byte[] file, Random random)
    {
        var headerEnd = file.Length - 32;
        for (var n = random.Next(1, 4); n > 0; n--)
        {
            var at = random.Next(random.Next(4) == 0 ? 0 : 8, headerEnd);
            switch (random.Next(5))
            {
                case 0:
                    file[at] = (byte)random.Next(256);
                    break;
                case 1:
                    file[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 2:
                    file[at] = (byte)"0123456789,:[]{}\" "[random.Next(18)];
                    break;
                case 3:
                    file = file[..random.Next(file.Length + 1)];
                    break;
                default:
                    var from = random.Next(8, headerEnd);
                    var count = Math.Min(random.Next(1, 20), Math.Min(headerEnd - from, headerEnd - at));
                    file.AsSpan(from, count).CopyTo(file.AsSpan(at));
                    break;
            }
            headerEnd = Math.Max(9, Math.Min(headerEnd, file.Length));
            if (file.Length < 9)
                return file;
        }
        return file;
    }

    private static long MillisecondsToRefuse(byte[] bytes)
    {
        var clock = Stopwatch.StartNew();
        Refuse(bytes);
        return clock.ElapsedMilliseconds;
    }

    private static GridException Refuse(byte[] bytes) => Assert.Throws<GridException>(() => SafetensorsBytes.Open(bytes));

    private static Dictionary<string, (byte[] File, string Named)> MakeCorpus()
    {
        var corpus = new Dictionary<string, (byte[], string)>();
        void Header(string name, string json, int dataBytes, string named) => corpus.Add(name, (SafetensorsBytes.Of(json, dataBytes), named));
        void Tensor(string name, string body, int dataBytes, string named = "'w'") => Header(name, "{\"w\":" + body + "}", dataBytes, named);
        void Raw(string name, byte[] bytes, string named) => corpus.Add(name, (bytes, named));

        Raw("empty", [], "empty");
        Raw("seven bytes", new byte[7], "7 bytes");
        Raw("header length 0", new byte[8], "'{'");
        Raw("header length 2^63", [0, 0, 0, 0, 0, 0, 0, 0x80, (byte)'{', (byte)'}'], "9223372036854775808");
        Raw("header length 2^64-1", [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, (byte)'{', (byte)'}'], "18446744073709551615");
        Raw("header length above the cap", SafetensorsBytes.Of("{}", 0, 100_000_001), "100000001");
        Raw("header length at the cap, short file", SafetensorsBytes.Of("{}", 0, 100_000_000), "truncated");
        Raw("header one byte longer than the file", SafetensorsBytes.Of("{}", 0, 3), "truncated");
        Raw("a zip", [(byte)'P', (byte)'K', 3, 4, .. new byte[40]], "header");
        Raw("a pickle", [0x80, 2, .. "ctorch._utils\n"u8, .. new byte[40]], "header");
        Raw("not UTF-8 in a name", SafetensorsBytes.Of([.. "{\""u8, 0xC3, 0x28, .. "\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}"u8]), "UTF-8");
        Raw("overlong UTF-8", SafetensorsBytes.Of([.. "{\""u8, 0xC0, 0x80, .. "\":{}}"u8]), "UTF-8");
        Raw("byte order mark", SafetensorsBytes.Of([0xEF, 0xBB, 0xBF, .. "{}"u8]), "'{'");
        Raw("UTF-16 header", SafetensorsBytes.Of(Encoding.Unicode.GetBytes("{}")), "JSON");
        Header("array header", "[]", 0, "'{'");
        Header("space before the header", " {}", 0, "'{'");
        Header("text behind the header", "{}x", 0, "JSON");
        Header("second object", "{}{}", 0, "JSON");
        Header("zero bytes as padding", "{}\0\0\0", 0, "JSON");
        Header("unclosed", """{"w":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}""", 0, "JSON");
        Header("comment", "{/**/}", 0, "JSON");
        Header("trailing comma", """{"w":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},}""", 0, "JSON");
        Header("lone surrogate in a name", """{"\ud800":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}""", 0, "JSON");
        Header("deep nesting", """{"w":""" + new string('[', 100_000), 0, "evil");
        Header("deep objects", string.Concat(Enumerable.Repeat("""{"w":""", 50_000)), 0, "evil");
        Header("trailing data", """{"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}""", 2, "1 bytes that belong to no tensor");
        Header("data without tensors", "{}", 4096, "4096 bytes");
        Header("control characters in a name", "{\"\\u001b[31m\\n\":3}", 0, "\\u001b");
        Header("name of 2000 characters", "{\"" + new string('n', 2000) + "\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}", 0, "2000");
        Header("empty name", """{"":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}""", 0, "''");
        Header("duplicate tensor", """{"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}""", 1, "twice");
        Header("duplicate tensor by escape", """{"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"\u0077":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}""", 2, "twice");
        Header("overlap", """{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}""", 3, "'b'");
        Header("same bytes twice", """{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}""", 2, "'b'");
        Header("hole", """{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[3,5]}}""", 5, "'b'");
        Header("metadata number", """{"__metadata__":{"k":1}}""", 0, "'k'");
        Header("metadata nested", """{"__metadata__":{"k":{}}}""", 0, "'k'");
        Header("metadata array", """{"__metadata__":[]}""", 0, "__metadata__");
        Header("metadata null", """{"__metadata__":null}""", 0, "__metadata__");
        Header("metadata twice", """{"__metadata__":{},"__metadata__":{}}""", 0, "twice");
        Header("metadata key twice", """{"__metadata__":{"k":"1","k":"2"}}""", 0, "twice");
        Tensor("not at 0", """{"dtype":"U8","shape":[1],"data_offsets":[1,2]}""", 2);
        Tensor("beyond the file", """{"dtype":"U8","shape":[100],"data_offsets":[0,100]}""", 99);
        Tensor("offsets reversed", """{"dtype":"U8","shape":[1],"data_offsets":[1,0]}""", 1);
        Tensor("offsets negative", """{"dtype":"U8","shape":[1],"data_offsets":[-1,0]}""", 1);
        Tensor("offsets minus zero", """{"dtype":"U8","shape":[0],"data_offsets":[-0,0]}""", 0);
        Tensor("offsets of 2^64", """{"dtype":"U8","shape":[1],"data_offsets":[0,18446744073709551617]}""", 1);
        Tensor("offsets as floats", """{"dtype":"U8","shape":[1],"data_offsets":[0,1.0]}""", 1);
        Tensor("offsets with exponent", """{"dtype":"U8","shape":[1],"data_offsets":[0,1e0]}""", 1);
        Tensor("offsets as strings", """{"dtype":"U8","shape":[1],"data_offsets":["0","1"]}""", 1);
        Tensor("three offsets", """{"dtype":"U8","shape":[1],"data_offsets":[0,1,1]}""", 1);
        Tensor("one offset", """{"dtype":"U8","shape":[1],"data_offsets":[0]}""", 1);
        Tensor("size against shape", """{"dtype":"F32","shape":[2],"data_offsets":[0,4]}""", 4);
        Tensor("shape overflow to 0", """{"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,0]}""", 0);
        Tensor("shape overflow before a 0", """{"dtype":"U8","shape":[9223372036854775807,9223372036854775807,0],"data_offsets":[0,0]}""", 0);
        Tensor("bytes overflow", """{"dtype":"F64","shape":[2305843009213693952],"data_offsets":[0,0]}""", 0);
        Tensor("shape negative", """{"dtype":"U8","shape":[-1,-1],"data_offsets":[0,1]}""", 1);
        Tensor("shape null", """{"dtype":"U8","shape":null,"data_offsets":[0,0]}""", 0);
        Tensor("shape of rank 65", $$"""{"dtype":"U8","shape":[{{string.Join(",", Enumerable.Repeat(1, 65))}}],"data_offsets":[0,1]}""", 1);
        Tensor("shape of many numbers", $$"""{"dtype":"U8","shape":[{{string.Join(",", Enumerable.Repeat(1, 200_000))}}],"data_offsets":[0,1]}""", 1);
        Tensor("shape nested", """{"dtype":"U8","shape":[[1]],"data_offsets":[0,1]}""", 1);
        Tensor("dtype unknown", """{"dtype":"F8_E4M3","shape":[1],"data_offsets":[0,1]}""", 1, "F8_E4M3");
        Tensor("dtype in small letters", """{"dtype":"f32","shape":[1],"data_offsets":[0,4]}""", 4, "'f32'");
        Tensor("dtype a number", """{"dtype":7,"shape":[1],"data_offsets":[0,1]}""", 1);
        Tensor("dtype twice", """{"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]}""", 1);
        Tensor("no dtype", """{"shape":[1],"data_offsets":[0,1]}""", 1, "dtype");
        Tensor("no shape", """{"dtype":"U8","data_offsets":[0,1]}""", 1, "shape");
        Tensor("no offsets", """{"dtype":"U8","shape":[1]}""", 1, "data_offsets");
        Tensor("unknown field", """{"dtype":"U8","shape":[1],"data_offsets":[0,1],"exec":"rm"}""", 1, "'exec'");
        Tensor("an array", "[]", 0);
        Tensor("null", "null", 0);
        return corpus;
    }
}
