namespace FineTuneGrid.Shards.Tests;

public sealed class CardLicenseTests
{
    [Theory]
    [InlineData("---\nlicense: apache-2.0\n---\n# Model", "apache-2.0")]
    [InlineData("\uFEFF---\r\nlanguage:\r\n- en\r\nlicense: \"cc-by-4.0\"  # see LICENSE\r\n---\r\n", "cc-by-4.0")]
    [InlineData("---\nlicense:\n- mit\n- 'apache-2.0'\ntags:\n- x\n---\n", "mit, apache-2.0")]
    [InlineData("---\nlicense: [mit, bsd]\n---\n", "mit, bsd")]
    [InlineData("---\nlicense: other\nlicense_name: Tongyi Qianwen\nlicense_link: LICENSE\n---\n", "Tongyi Qianwen")]
    [InlineData("---\nlicense: other\n---\n", "other")]
    [InlineData("license: mit\n", null)]
    [InlineData("---\nlicense: mit\n", null)]
    [InlineData("---\ntags: x\n---\nlicense: mit\n", null)]
    [InlineData("---\nx:\n  license: mit\n---\n", null)]
    [InlineData("---\nlicense: {a: b}\n---\n", null)]
    [InlineData("---\nlicense: <script>\n---\n", null)]
    [InlineData("---\nlicense:\n---\n", null)]
    [InlineData("", null)]
    public void Find_Card_GivesWhatItsFrontMatterStates(string card, string? license) => Assert.Equal(license, CardLicense.Find(card));

    [Fact]
    public void Find_EndlessName_IsNone() => Assert.Null(CardLicense.Find($"---\nlicense: {new string('a', 10_000)}\n---\n"));
}
