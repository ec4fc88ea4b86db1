using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Grains;

namespace FineTuneGrid.Grains.Jobs;

/// <summary>What is checked before a job is accepted: who may submit what.</summary>
internal static class Submissions
{
    public static void Check(JobSubmission submission)
    {
        var adapter = AdapterRef.Parse(submission.Spec.Adapter, "adapter");
        if (!submission.By.CanWrite(submission.Org))
            throw new GridException(ErrorCodes.Forbidden, $"This key may not submit jobs for '{submission.Org}'.");
        if (!submission.By.CanWrite(adapter.Org))
            throw new GridException(ErrorCodes.Forbidden, $"This key may not write adapters of '{adapter.Org}'; use an adapter name of your own organisation.", "adapter");
    }
}
