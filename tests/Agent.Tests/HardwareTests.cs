using FineTuneGrid.Agent.Sessions;

namespace FineTuneGrid.Agent.Tests;

public sealed class HardwareTests
{
    [Fact]
    public void Describe_NamesModelAndKernelFeaturesInAFixedOrder()
    {
        string[] cpuinfo = ["processor\t: 0", "model name\t: Test CPU 3000", "flags\t\t: sse avx512_bf16 fma avx2 lm", "processor\t: 1", "model name\t: Other"];

        Assert.Equal("x64; Test CPU 3000; avx2 fma avx512_bf16", Hardware.Describe(cpuinfo, "x64"));
    }

    [Fact]
    public void Describe_OfAnEmptyFile_SaysSo() => Assert.Equal("arm64; unknown CPU", Hardware.Describe([], "arm64"));

    [Fact]
    public void Stat_OfACommandWithBlanksAndParentheses_IsRead()
    {
        var fields = string.Join(' ', Enumerable.Range(4, 18).Select(i => i.ToString()));

        Assert.Equal(('S', 777L), ProcFs.ParseStat($"12 (a ) b) S {fields} 777 0 0"));
    }

    [Fact]
    public void Stat_OfAProcessThatIsGone_IsNull() => Assert.Null(ProcFs.Stat(int.MaxValue));
}
