using FineTuneGrid.Contracts.Adapters;
using FineTuneGrid.Contracts.Datasets;
using FineTuneGrid.Contracts.Licensing;
using FineTuneGrid.Contracts.Models;

namespace FineTuneGrid.Gateway.Assets;

/// <summary>The licence policy at the door: before a job is accepted, and before a result's bytes leave.</summary>
public sealed class LicenseDoor(GatewayOptions options)
{
    /// <param name="field">The input that names the data set.</param>
    public void RequireSubmit(ModelView? baseModel, DatasetView dataset, string field) =>
        options.Licenses.Require(LicenseGate.Submit, baseModel?.License, dataset.License, field);

    public void RequirePull(AdapterLineage? lineage)
    {
        if (lineage is not null) options.Licenses.Require(LicenseGate.Pull, lineage.BaseLicense, lineage.DatasetLicense);
    }
}
