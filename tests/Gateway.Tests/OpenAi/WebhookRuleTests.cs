using System.Net;
using System.Text;
using FineTuneGrid.Contracts;
using FineTuneGrid.Gateway.OpenAi.Webhooks;

namespace FineTuneGrid.Gateway.Tests.OpenAi;

/// <summary>Signatures, waits and addresses of webhooks, as functions.</summary>
public sealed class WebhookRuleTests
{
    [Fact]
    public void Signature_IsThatOfTheSpecificationsExample() =>
        Assert.Equal("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", StandardWebhook.Sign(
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", DateTimeOffset.FromUnixTimeSeconds(1614265330), "{\"test\": 2432232314}"u8));

    [Fact]
    public void Signature_ChangesWithEverything()
    {
        var secret = StandardWebhook.NewSecret();
        var at = DateTimeOffset.FromUnixTimeSeconds(1);
        string Sign(string s, string id, DateTimeOffset t, string body) => StandardWebhook.Sign(s, id, t, Encoding.UTF8.GetBytes(body));
        string[] all = [Sign(secret, "a", at, "{}"), Sign(StandardWebhook.NewSecret(), "a", at, "{}"), Sign(secret, "b", at, "{}"), Sign(secret, "a", at.AddSeconds(1), "{}"), Sign(secret, "a", at, "{ }")];
        Assert.Equal(all.Length, all.Distinct().Count());
        Assert.Equal(32, Convert.FromBase64String(secret["whsec_".Length..]).Length);
    }

    [Fact]
    public void Waits_GrowAndEndAfterDays()
    {
        var waits = Enumerable.Range(1, 20).Select(StandardWebhook.WaitAfter).TakeWhile(w => w is not null).Select(w => w!.Value).ToList();
        Assert.Equal(waits.Order(), waits);
        Assert.InRange(waits.Aggregate(TimeSpan.Zero, (a, b) => a + b).TotalDays, 3, 5);
        Assert.Null(StandardWebhook.WaitAfter(waits.Count + 1));
    }

    [Theory]
    [InlineData("8.8.8.8", true)]
    [InlineData("172.32.0.1", true)]
    [InlineData("2606:4700::1111", true)]
    [InlineData("0.0.0.0", false)]
    [InlineData("10.1.2.3", false)]
    [InlineData("100.64.0.1", false)]
    [InlineData("127.0.0.2", false)]
    [InlineData("169.254.169.254", false)]
    [InlineData("172.31.255.255", false)]
    [InlineData("192.168.1.1", false)]
    [InlineData("198.19.0.1", false)]
    [InlineData("224.0.0.1", false)]
    [InlineData("255.255.255.255", false)]
    [InlineData("::", false)]
    [InlineData("::1", false)]
    [InlineData("::ffff:10.0.0.1", false)]
    [InlineData("::ffff:8.8.8.8", true)]
    [InlineData("64:ff9b::a00:1", false)]
    [InlineData("2002:a00:1::", false)]
    [InlineData("2001:db8::1", false)]
    [InlineData("fc00::1", false)]
    [InlineData("fd12::1", false)]
    [InlineData("fe80::1", false)]
    [InlineData("ff02::1", false)]
    public void Address_Inside_IsNotPublic(string address, bool isPublic) => Assert.Equal(isPublic, WebhookEgress.IsPublic(IPAddress.Parse(address)));

    [Theory]
    [InlineData("https://hooks.example.com/in?x=1")]
    [InlineData("https://8.8.8.8:8443/")]
    [InlineData("http://inside.example:9000/")]
    [InlineData("http://10.0.0.5/")]
    public void Url_OutsideOrListed_IsTaken(string url) => Assert.Equal(new Uri(url), Egress.Check(url));

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("hooks")]
    [InlineData("ftp://hooks.example.com/")]
    [InlineData("file:///etc/passwd")]
    [InlineData("http://hooks.example.com/")]
    [InlineData("https://user:pass@hooks.example.com/")]
    [InlineData("https://hooks.example.com/#x")]
    [InlineData("https://127.0.0.1/")]
    [InlineData("https://2130706433/")]
    [InlineData("https://0x7f.1/")]
    [InlineData("https://[::1]/")]
    [InlineData("https://[::ffff:169.254.169.254]/")]
    [InlineData("https://10.0.0.6/")]
    public void Url_ThatLeadsInside_IsRefused(string? url) => Assert.Equal("url", Assert.Throws<GridException>(() => Egress.Check(url)).Field);

    [Fact]
    public void Name_ThatResolvesInside_KeepsOnlyItsPublicAddresses()
    {
        IPAddress[] addresses = [IPAddress.Parse("10.0.0.1"), IPAddress.Parse("8.8.8.8")];
        Assert.Equal([addresses[1]], Egress.Allowed("rebound.example.com", addresses));
        Assert.Equal(addresses, Egress.Allowed("inside.example", addresses));
    }

    private static WebhookEgress Egress => new(["inside.example", "10.0.0.5"]);
}
