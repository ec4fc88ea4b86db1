using System.Net;
using System.Text.RegularExpressions;

namespace FineTuneGrid.Gateway.Tests.Support;

/// <summary>A browser without a screen or scripts: it keeps cookies and sends the forms of pages.</summary>
internal static partial class PageBrowser
{
    public static HttpClient Open(GatewayUnderTest gateway, out CookieContainer cookies)
    {
        cookies = new CookieContainer();
        return new HttpClient(new HttpClientHandler { AllowAutoRedirect = false, CookieContainer = cookies }) { BaseAddress = gateway.Address };
    }

    public static async Task<HttpClient> SignedInAsync(GatewayUnderTest gateway, string secret)
    {
        var browser = Open(gateway, out _);
        using var entered = await SendFormAsync(browser, "/login", await browser.GetStringAsync("/login"), ("key", secret));
        Assert.Equal(HttpStatusCode.Redirect, entered.StatusCode);
        return browser;
    }

    /// <summary>Sends the page's hidden fields, as its forms would.</summary>
    public static Task<HttpResponseMessage> SendFormAsync(HttpClient browser, string path, string page, params (string Name, string Value)[] more)
    {
        var fields = HiddenField().Matches(page).Select(m => KeyValuePair.Create(m.Groups["name"].Value, WebUtility.HtmlDecode(m.Groups["value"].Value)))
            .DistinctBy(f => f.Key).Where(f => more.All(m => m.Name != f.Key)).Concat(more.Select(m => KeyValuePair.Create(m.Name, m.Value)));
        return browser.PostAsync(path, new FormUrlEncodedContent(fields));
    }

    /// <summary>What the form's answer shows, after it came with that status.</summary>
    public static async Task<string> AnswerAsync(this Task<HttpResponseMessage> sent, HttpStatusCode expected = HttpStatusCode.OK)
    {
        using var response = await sent;
        var page = WebUtility.HtmlDecode(await response.Content.ReadAsStringAsync());
        Assert.True(expected == response.StatusCode, $"{response.RequestMessage!.RequestUri} gave {(int)response.StatusCode}: {page}");
        return page;
    }

    [GeneratedRegex("""<input type="hidden" name="(?<name>[^"]+)" value="(?<value>[^"]*)">""")]
    private static partial Regex HiddenField();
}
