using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Nodes;
using FineTuneGrid.Contracts.Training;

namespace FineTuneGrid.Grains.Planning;

/// <summary>Says how many steps an order takes and what it needs.</summary>
public interface IJobPlanner
{
    Task<PlanReply> PlanAsync(TrainingOrder order, NodeAvailability node, NodeSlot slot);
}
