using FineTuneGrid.Contracts;
using FineTuneGrid.Gateway.OpenAi.Models;

namespace FineTuneGrid.Gateway.Tests.OpenAi;

public sealed class FineTunedNameTests
{
    private static readonly string Job = Ids.New(Ids.Job, DateTimeOffset.UnixEpoch);
    private static readonly string Short = Job["job-".Length..];

    [Theory]
    [InlineData(null, "")]
    [InlineData(12, ":ckpt-step-12")]
    public void Name_WrittenAndRead_IsTheSame(int? step, string ending)
    {
        var name = FineTunedName.Of("tiny", new AdapterRef("acme", "support-2.1", "7"), Job, step);
        Assert.Equal($"ft:tiny:acme:support-2.1:{Short}{ending}", name.ToString());
        Assert.True(FineTunedName.TryParse(name.ToString(), out var read));
        Assert.Equal(name, read);
        Assert.Equal(("acme/support-2.1", Job), (read.Adapter.ToString(), read.JobId));
    }

    [Theory]
    [InlineData("")]
    [InlineData("tiny")]
    [InlineData("ft:")]
    [InlineData("ft:tiny:acme:a")]
    [InlineData("ft:tiny:acme::{0}")]
    [InlineData("ft:Tiny:acme:a:{0}")]
    [InlineData("ft:tiny:../x:a:{0}")]
    [InlineData("ft:tiny:api:a:{0}")]
    [InlineData("ft:tiny:acme:a:job-{0}")]
    [InlineData("ft:tiny:acme:a:{0}x")]
    [InlineData("ft:tiny:acme:a:{0}:ckpt-step-")]
    [InlineData("ft:tiny:acme:a:{0}:ckpt-step--1")]
    [InlineData("ft:tiny:acme:a:{0}:ckpt-step-99999999999")]
    [InlineData("ft:tiny:acme:a:{0}:step-1")]
    [InlineData("ft:tiny:acme:a:{0}:ckpt-step-1:x")]
    public void Text_OfAnotherForm_IsNone(string form) =>
        Assert.False(FineTunedName.TryParse(form.Replace("{0}", Short, StringComparison.Ordinal), out _));
}
