#if GRID_AIRGAP
using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using FineTuneGrid.Orleans.Tests.Support;
using Microsoft.Extensions.Hosting;
using Orleans.Configuration;
using Orleans.Hosting;
using Orleans.Runtime.Messaging;

namespace FineTuneGrid.Orleans.Tests;

/// <summary>What the gateway of the subset does with clients that do not keep to its protocol.</summary>
public sealed class HostileFrameTests
{
    private const string Greeting = """{"k":"hello","protocol":1,"cluster":"default","client":"0123456789abcdef0123456789abcdef"}""";

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(int.MinValue)]
    [InlineData(int.MaxValue)]
    [InlineData(64 * 1024 * 1024)]
    public async Task FirstFrame_ImpossibleLength_ClosesOnlyThisConnection(int length) => await WithGatewayAsync(async connect =>
    {
        using var hostile = await connect();
        var header = new byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(header, length);
        await hostile.SendAsync(header);
        await hostile.ExpectClosedAsync();
    });

    [Theory]
    [InlineData("not json")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("""{"k":"call","id":1}""")]
    [InlineData("""{"k":"hello"}""")]
    [InlineData("""{"k":"hello","protocol":1,"cluster":"default","client":"../../etc"}""")]
    public async Task FirstFrame_NoGreeting_ClosesOnlyThisConnection(string frame) => await WithGatewayAsync(async connect =>
    {
        using var hostile = await connect();
        await hostile.SendFrameAsync(frame);
        await hostile.ExpectClosedAsync();
    });

    [Theory]
    [InlineData("{")]
    [InlineData("""{"k":"reply","id":1}""")]
    [InlineData("""{"k":"call"}""")]
    [InlineData("""{"k":"call","id":"one"}""")]
    public async Task LaterFrame_BreaksTheProtocol_ClosesOnlyThisConnection(string frame) => await WithGatewayAsync(async connect =>
    {
        using var hostile = await connect();
        await hostile.GreetAsync();
        await hostile.SendFrameAsync(frame);
        await hostile.ExpectClosedAsync();
    });

    [Fact]
    public async Task LaterFrame_NestedDeeply_ClosesOnlyThisConnection() => await WithGatewayAsync(async connect =>
    {
        using var hostile = await connect();
        await hostile.GreetAsync();
        await hostile.SendFrameAsync($$"""{"k":"call","id":1,"args":{{new string('[', 100_000)}}""");
        await hostile.ExpectClosedAsync();
    });

    [Fact]
    public async Task Frame_CutOff_ClosesOnlyThisConnection() => await WithGatewayAsync(async connect =>
    {
        using var hostile = await connect();
        await hostile.GreetAsync();
        await hostile.SendAsync([200, 0, 0, 0, (byte)'{']);
        hostile.EndSending();
        await hostile.ExpectClosedAsync();
    });

    [Theory]
    [InlineData("""{"$t":"System.IO.FileInfo, System.Private.CoreLib","$v":"/etc/passwd"}""")]
    [InlineData("""{"$t":"System.Collections.Generic.List`1[[System.IO.FileInfo]], System.Private.CoreLib","$v":[]}""")]
    [InlineData("""{"$t":"No.Such.Type, Nowhere","$v":1}""")]
    [InlineData("""{"$t":"[[[","$v":1}""")]
    [InlineData("""{"$t":"System.Int32, System.Private.CoreLib","$v":"text"}""")]
    [InlineData("""{"$t":5}""")]
    [InlineData("7")]
    public async Task Call_ValueThatMayNotTravel_IsAnsweredWithAnError(string value) => await WithGatewayAsync(async connect =>
    {
        using var hostile = await connect();
        await hostile.GreetAsync();
        await hostile.SendFrameAsync(EchoCall(1, value));
        Assert.True((await hostile.ReadFrameAsync()).TryGetProperty("error", out _));
        await hostile.SendFrameAsync(EchoCall(2, """{"$t":"System.Int32, System.Private.CoreLib","$v":42}"""));
        Assert.Equal(42, (await hostile.ReadFrameAsync()).GetProperty("result").GetProperty("$v").GetInt32());
    });

    [Theory]
    [InlineData("value/x", "No.Such.Interface", "Echo")]
    [InlineData("nosuchtype/x", "FineTuneGrid.Orleans.Tests.IValueGrain", "Echo")]
    [InlineData("value", "FineTuneGrid.Orleans.Tests.IValueGrain", "Echo")]
    [InlineData("value/x", "FineTuneGrid.Orleans.Tests.IValueGrain", "GetHashCode()")]
    public async Task Call_UnknownTarget_IsAnsweredWithAnError(string target, string face, string method) => await WithGatewayAsync(async connect =>
    {
        using var hostile = await connect();
        await hostile.GreetAsync();
        await hostile.SendFrameAsync(JsonSerializer.Serialize(new Dictionary<string, object>
        {
            ["k"] = "call", ["id"] = 1, ["to"] = target, ["if"] = face, ["m"] = method, ["ttl"] = 1000, ["args"] = Array.Empty<int>(),
        }));
        Assert.True((await hostile.ReadFrameAsync()).TryGetProperty("error", out _));
    });

    [Fact]
    public async Task FrameReader_LengthAnnouncedButNotSent_TakesNoMemory()
    {
        var header = new byte[16];
        BinaryPrimitives.WriteInt32LittleEndian(header, 100_000_000);
        var reader = new FrameReader(new MemoryStream(header));
        var before = GC.GetAllocatedBytesForCurrentThread();
        await Assert.ThrowsAsync<EndOfStreamException>(async () => await reader.ReadAsync(200_000_000, CancellationToken.None));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1_000_000);
    }

    private static string EchoCall(int id, string argument) =>
        $$"""
        {"k":"call","id":{{id}},"to":"value/h","if":"FineTuneGrid.Orleans.Tests.IValueGrain",
         "m":"FineTuneGrid.Orleans.Tests.IValueGrain.EchoObject(System.Object)","ttl":5000,"args":[{{argument}}]}
        """;

    private static async Task WithGatewayAsync(Func<Func<Task<RawConnection>>, Task> test)
    {
        await using var silo = await TestSilo.StartAsync(builder =>
            builder.Configure<SiloMessagingOptions>(options => options.MaxMessageBodySize = 1024 * 1024));
        using var client = await TestSilo.StartClientAsync(silo.GatewayPort);
        var neighbour = TestSilo.ClientOf(client).GetGrain<ITurnGrain>("neighbour");
        var held = neighbour.Hold("gate");
        await silo.Journal.ExpectAsync("holding gate");
        await test(() => RawConnection.OpenAsync(silo.GatewayPort));

        // The neighbour's pending call and new calls are untouched.
        Assert.Equal(1, await neighbour.Peek());
        silo.Journal.Open("gate");
        await held;
        await client.StopAsync();
    }

    private sealed class RawConnection : IDisposable
    {
        private readonly Socket _socket = new(SocketType.Stream, ProtocolType.Tcp);

        public static async Task<RawConnection> OpenAsync(int port)
        {
            var connection = new RawConnection();
            await connection._socket.ConnectAsync(IPAddress.Loopback, port);
            return connection;
        }

        public async Task SendAsync(byte[] bytes) => await _socket.SendAsync(bytes);

        public Task SendFrameAsync(string json)
        {
            var body = Encoding.UTF8.GetBytes(json);
            var frame = new byte[4 + body.Length];
            BinaryPrimitives.WriteInt32LittleEndian(frame, body.Length);
            body.CopyTo(frame, 4);
            return SendAsync(frame);
        }

        public async Task GreetAsync()
        {
            await SendFrameAsync(Greeting);
            Assert.Equal("welcome", (await ReadFrameAsync()).GetProperty("k").GetString());
        }

        public async Task<JsonElement> ReadFrameAsync()
        {
            var header = await ReadAsync(4);
            using var document = JsonDocument.Parse(await ReadAsync(BinaryPrimitives.ReadInt32LittleEndian(header)));
            return document.RootElement.Clone();
        }

        public void EndSending() => _socket.Shutdown(SocketShutdown.Send);

        public async Task ExpectClosedAsync()
        {
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(10));
            try
            {
                Assert.Equal(0, await _socket.ReceiveAsync(new byte[1], limit.Token));
            }
            catch (SocketException)
            {
                // Closed with a reset, since it had not read everything: closed all the same.
            }
        }

        public void Dispose() => _socket.Dispose();

        private async Task<byte[]> ReadAsync(int count)
        {
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(10));
            var bytes = new byte[count];
            for (var read = 0; read < count;)
            {
                var got = await _socket.ReceiveAsync(bytes.AsMemory(read), limit.Token);
                Assert.NotEqual(0, got);
                read += got;
            }

            return bytes;
        }
    }
}
#endif
