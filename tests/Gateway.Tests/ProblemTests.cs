using System.Net;
using System.Net.Http.Json;
using System.Text;
using FineTuneGrid.Contracts;
using FineTuneGrid.Gateway.Tests.Support;

namespace FineTuneGrid.Gateway.Tests;

/// <summary>Whatever is wrong with a request: a problem document that says what, and nothing but that.</summary>
[Collection(GatewayCollection.Name)]
public sealed class ProblemTests(GatewayUnderTest gateway)
{
    [Theory]
    [InlineData("/api/v1/nothing")]
    [InlineData("/nothing/at/all")]
    [InlineData("/api/v2/jobs")]
    public async Task UnknownRoute_IsNotFoundForEverybody(string path)
    {
        await gateway.Nobody.GetAsync(path).ProblemAsync(HttpStatusCode.NotFound, ErrorCodes.NotFound);
        await gateway.Admin.GetAsync(path).ProblemAsync(HttpStatusCode.NotFound, ErrorCodes.NotFound);
    }

    [Fact]
    public async Task WrongMethod_IsNotAllowed()
    {
        var problem = await gateway.Admin.DeleteAsync("/api/v1/jobs").ProblemAsync(HttpStatusCode.MethodNotAllowed, ErrorCodes.InvalidRequest);
        Assert.Contains("DELETE", problem.Text("detail"));
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("[]")]
    [InlineData("null")]
    [InlineData("{\"name\":\"a\",\"name\":\"b\"}")]
    public async Task Job_ThatIsNoJsonObject_IsRefused(string body) =>
        await gateway.Member.SubmitAsync(body).ProblemAsync(HttpStatusCode.BadRequest, ErrorCodes.InvalidJson);

    [Fact]
    public async Task Job_OfDeepJson_IsRefused() =>
        await gateway.Member.SubmitAsync("{\"labels\":" + new string('[', 5000) + new string(']', 5000) + "}").ProblemAsync(HttpStatusCode.BadRequest, ErrorCodes.InvalidJson);

    [Fact]
    public async Task Job_WithFaults_NamesEachOfThem()
    {
        const string body = """{"base_model":"m","adapter":"acme/a","data":{"train":"d","pakcing":true},"method":{"rank":0},"optimizer":{"learning_rate":"fast"}}""";
        var problem = await gateway.Member.SubmitAsync(body).ProblemAsync(HttpStatusCode.UnprocessableEntity, ErrorCodes.InvalidSpec);
        var where = problem.GetProperty("findings").EnumerateArray().Select(f => f.Text("where")).ToList();
        Assert.Contains("data.pakcing", where);
        Assert.Contains("optimizer.learning_rate", where);
        Assert.Contains(where, w => w == problem.Text("field"));
    }

    [Fact]
    public async Task Job_OfAnotherContentType_IsRefused()
    {
        var problem = await gateway.Member.PostAsync("/api/v1/jobs", new StringContent("name: yaml", Encoding.UTF8, "application/yaml")).ProblemAsync(HttpStatusCode.UnsupportedMediaType, ErrorCodes.InvalidRequest);
        Assert.Contains("application/yaml", problem.Text("detail"));
        await gateway.Admin.PostAsync("/api/v1/keys", new StringContent("a=b", Encoding.UTF8, "application/x-www-form-urlencoded")).ProblemAsync(HttpStatusCode.BadRequest, ErrorCodes.InvalidRequest);
    }

    [Fact]
    public async Task Job_TooLong_IsRefused()
    {
        foreach (var megabytes in (int[])[2, 5])
        {
            var request = new HttpRequestMessage(HttpMethod.Post, "/api/v1/jobs") { Content = HttpAssert.Json("{\"name\":\"" + new string('a', megabytes << 20) + "\"}") };
            // A server need not read on what it refuses; so the client asks first.
            request.Headers.ExpectContinue = true;
            await gateway.Member.SendAsync(request).ProblemAsync(HttpStatusCode.RequestEntityTooLarge, ErrorCodes.TooLarge);
        }
    }

    [Theory]
    [InlineData("/api/v1/jobs?limit=0", HttpStatusCode.UnprocessableEntity, ErrorCodes.InvalidValue)]
    [InlineData("/api/v1/jobs?limit=1001", HttpStatusCode.UnprocessableEntity, ErrorCodes.InvalidValue)]
    [InlineData("/api/v1/jobs?limit=many", HttpStatusCode.BadRequest, ErrorCodes.InvalidRequest)]
    public async Task List_WithABadLimit_NamesIt(string path, HttpStatusCode status, string code) =>
        Assert.Contains("limit", (await gateway.Reader.GetAsync(path).ProblemAsync(status, code)).Text("detail"));

    [Fact]
    public async Task UnknownMember_IsRefusedByName()
    {
        var problem = await gateway.Member.PostAsJsonAsync("/api/v1/datasets", new { name = "a", licence = "mit" }).ProblemAsync(HttpStatusCode.BadRequest, ErrorCodes.UnknownField);
        Assert.Equal("licence", problem.Text("field"));
        Assert.Contains("license", problem.Text("detail"));
        Assert.Equal("name", (await gateway.Member.PostAsync("/api/v1/datasets", HttpAssert.Json("""{"name":null}""")).ProblemAsync(HttpStatusCode.BadRequest, ErrorCodes.InvalidJson)).Text("field"));
    }

    [Theory]
    [InlineData("Upper")]
    [InlineData("../etc")]
    [InlineData("api")]
    [InlineData("")]
    public async Task Name_ThatIsNone_IsRefused(string name) =>
        Assert.Equal("name", (await gateway.Member.PostAsJsonAsync("/api/v1/datasets", new { name }).ProblemAsync(HttpStatusCode.UnprocessableEntity, ErrorCodes.InvalidValue)).Text("field"));

    [Theory]
    [InlineData("job-0")]
    [InlineData("..%2f..%2fgrains")]
    [InlineData("job-00000000000000000000000000")]
    public async Task Job_ThatIsNone_IsNotFound(string id) =>
        await gateway.Admin.GetAsync($"/api/v1/jobs/{id}").ProblemAsync(HttpStatusCode.NotFound, ErrorCodes.NotFound);

    [Theory]
    [InlineData("""{"role":"member","org":"acme"}""", "name")]
    [InlineData("""{"name":"a","role":"member"}""", "org")]
    [InlineData("""{"name":"a","role":"member","org":"A B"}""", "org")]
    public async Task Key_WithoutWhatItNeeds_IsRefused(string body, string field)
    {
        using var response = await gateway.Admin.PostAsync("/api/v1/keys", HttpAssert.Json(body));
        Assert.Equal(HttpStatusCode.UnprocessableEntity, response.StatusCode);
        Assert.Contains($"\"field\":\"{field}\"", await response.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task Refusal_SaysNothingOfTheInside()
    {
        using var response = await gateway.Admin.PostAsync("/api/v1/keys", HttpAssert.Json("""{"name":1}"""));
        var body = await response.Content.ReadAsStringAsync();
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.DoesNotContain("FineTuneGrid.", body);
        Assert.DoesNotContain("   at ", body);
    }
}
