using System.Collections.Concurrent;
using static TorchSharp.torch;

namespace FineTuneGrid.Models.Loading;

/// <summary>The code books as tensors, which all matrices on a device share and which last as long as the process: 3 KiB.</summary>
/// <param name="Pairs">Both values of each byte of codes: fp32 [256, 2].</param>
/// <param name="Dynamic">Values of the scales' codes: fp32 [256].</param>
internal sealed record Nf4Tables(Tensor Pairs, Tensor Dynamic)
{
    private static readonly ConcurrentDictionary<string, Lazy<Nf4Tables>> ByDevice = new(StringComparer.Ordinal);

    internal static Nf4Tables On(Device device) => ByDevice.GetOrAdd(device.ToString(), _ => new(() => Make(device))).Value;

    private static Nf4Tables Make(Device device)
    {
        using var scope = NewDisposeScope();
        return new(Kept(tensor(Nf4Codes.Pairs(), [256, 2]), device), Kept(tensor(Nf4Codes.Dynamic), device));
    }

    private static Tensor Kept(Tensor table, Device device) => table.to(table.dtype, device).DetachFromDisposeScope();
}
