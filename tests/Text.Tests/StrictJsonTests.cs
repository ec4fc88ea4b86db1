using System.Text;
using FineTuneGrid.Contracts;
using FineTuneGrid.Text.Json;

namespace FineTuneGrid.Text.Tests;

public sealed class StrictJsonTests
{
    [Theory]
    [InlineData("""{"a":1,"a":2}""")]
    [InlineData("""{"a":{"b":1,"\u0062":2}}""")]
    [InlineData("""{"a":"\ud800"}""")]
    [InlineData("""{"\udc00":1}""")]
    [InlineData("""{"a":1,}""")]
    [InlineData("""{"a":1} x""")]
    [InlineData("""// c""")]
    [InlineData("""{"a":NaN}""")]
    [InlineData("")]
    public void Parse_WhatIsNotStrict_IsRefused(string json)
    {
        var problem = Assert.Throws<GridException>(() => StrictJson.Parse(Encoding.UTF8.GetBytes(json), "line 7"));
        Assert.Equal(ErrorCodes.InvalidJson, problem.Code);
        Assert.StartsWith("line 7 ", problem.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Parse_InvalidUtf8OrDepth_IsRefused()
    {
        Assert.Throws<GridException>(() => StrictJson.Parse(new byte[] { (byte)'"', 0xC3, (byte)'"' }, "x"));
        Assert.Throws<GridException>(() => StrictJson.Parse(Encoding.UTF8.GetBytes(new string('[', 65) + new string(']', 65)), "x"));
        using var fine = StrictJson.Parse(Encoding.UTF8.GetBytes(new string('[', 64) + new string(']', 64)), "x");
        Assert.Equal(System.Text.Json.JsonValueKind.Array, fine.RootElement.ValueKind);
    }
}
