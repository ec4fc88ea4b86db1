using FineTuneGrid.Contracts.Nodes;

namespace FineTuneGrid.Contracts.Grains;

/// <summary>The silos of the control plane, as the silo of this process sees them.</summary>
public interface IClusterMembers
{
    /// <summary>Living silos and those that died lately.</summary>
    Task<IReadOnlyList<ClusterMember>> ListAsync();

    /// <summary>Declares a silo dead that the others have not found out by themselves; what it ran is activated elsewhere.</summary>
    /// <param name="force">Also where its heartbeat is not overdue. A silo that lives stops itself when it learns of it.</param>
    /// <returns>The member as it is now. One that was dead already is left as it is.</returns>
    /// <exception cref="GridException">invalid_value: no address; not_found; conflict: the silo itself, or one that is alive.</exception>
    Task<ClusterMember> EvictAsync(string address, bool force);
}
