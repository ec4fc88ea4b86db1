namespace FineTuneGrid.Contracts.Models;

/// <summary>What a layer's path says of it to those who do not know architectures. Their own tests hold this to them.</summary>
public static class ModelTypes
{
    /// <summary>The layer chooses experts: it has so few outputs that an adapter's rank may exceed them.</summary>
    public static bool IsRouter(string modulePath) =>
        modulePath.EndsWith(".block_sparse_moe.gate", StringComparison.Ordinal) || modulePath.EndsWith(".router.layer", StringComparison.Ordinal);
}
