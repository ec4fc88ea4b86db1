using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Contracts.Nodes;
using FineTuneGrid.Contracts.Training;
using Orleans;

namespace FineTuneGrid.Grains.Planning;

/// <summary>Lets a trainer process of the node plan: it alone knows its own kernels, memory and batches.</summary>
public sealed class NodePlanner(IGrainFactory grains, TimeProvider time) : IJobPlanner
{
    public async Task<PlanReply> PlanAsync(TrainingOrder order, NodeAvailability node, NodeSlot slot)
    {
        var model = order.Model ?? order.TokenizerModel
            ?? throw new GridException(ErrorCodes.MissingField, "The job names neither a model nor a tokenizer.", "base_model");
        var task = new TrainerTask(
            Ids.New(Ids.Task, time.GetUtcNow()), BlobAccess.OfNode, slot.Device, slot.Threads, model, Adapter: null, Plan: new PlanTask(order, order.Spec.Resources.MemoryGb is null ? slot.MemoryBytes : null));
        var reply = await grains.GetGrain<INodeGrain>(node.NodeId).Run(task);
        if (reply.Error is { } error)
            throw error.ToException();
        return reply.Plan ?? throw new GridException(ErrorCodes.Internal, $"The node {node.NodeId} answered a plan with something else.");
    }
}
