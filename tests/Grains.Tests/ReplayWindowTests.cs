using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Jobs;
using FineTuneGrid.Grains.Jobs;
using FineTuneGrid.Storage;

namespace FineTuneGrid.Grains.Tests;

/// <summary>Which two checkpoints a verification takes.</summary>
public sealed class ReplayWindowTests
{
    private static readonly CheckpointReference[] Kept = [new("m30", 2, 30), new("m20", 2, 20), new("m20-old", 1, 20), new("m10", 1, 10)];

    [Theory]
    [InlineData(null, null, "m20", "m30")]
    [InlineData(10, null, "m10", "m20")]
    [InlineData(null, 20, "m10", "m20")]
    [InlineData(10, 30, "m10", "m30")]
    public void Window_OfKeptSteps_HasTheirLatestCommits(int? from, int? to, string begin, string end)
    {
        var window = Choose(Kept, from, to);

        Assert.Equal((begin, end), (window.From.Manifest, window.To.Manifest));
    }

    [Theory]
    [InlineData(5, null, "from_step", "No checkpoint of step 5 is kept; kept are the steps 10, 20, 30.")]
    [InlineData(10, 25, "to_step", "kept are the steps 10, 20, 30")]
    [InlineData(30, null, "from_step", "newest")]
    [InlineData(null, 10, "to_step", "oldest")]
    [InlineData(20, 20, "from_step", "below")]
    [InlineData(30, 10, "from_step", "below")]
    public void Window_ThatIsNone_NamesTheField(int? from, int? to, string field, string says)
    {
        var refusal = Assert.Throws<GridException>(() => Choose(Kept, from, to));

        Assert.Equal((ErrorCodes.InvalidValue, field), (refusal.Code, refusal.Field));
        Assert.Contains(says, refusal.Message);
    }

    [Theory]
    [InlineData(1, 1, "checkpoint.keep", "submit the job with 2 or more")]
    [InlineData(3, 1, "checkpoint.every_steps", "smaller number")]
    [InlineData(3, 0, "checkpoint.every_steps", "no checkpoint")]
    public void Window_OfFewerThanTwo_SaysWhatToChange(int keep, int kept, string field, string says)
    {
        var refusal = Assert.Throws<GridException>(() => Choose(Kept[..kept], null, null, keep));

        Assert.Equal((ErrorCodes.Conflict, field), (refusal.Code, refusal.Field));
        Assert.Contains(says, refusal.Message);
    }

    private static ReplayWindow Choose(CheckpointReference[] kept, int? from, int? to, int keep = 3) =>
        ReplayWindow.Choose("job-x", new CheckpointSpec { EverySteps = 10, Keep = keep }, kept, from, to);
}
