using System.Globalization;
using System.Runtime.InteropServices;
using FineTuneGrid.Contracts.Nodes;

namespace FineTuneGrid.Agent;

/// <summary>What a machine is made of, as far as it decides the bits and the placement of a job.</summary>
public static class Hardware
{
    /// <summary>The instruction sets that libtorch, oneDNN and BLAS libraries pick their kernels by.</summary>
    private static readonly string[] KernelFeatures =
        ["avx2", "fma", "avx512f", "avx512bw", "avx512vl", "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_bf16", "amx_tile", "asimd", "bf16", "sve", "i8mm"];

    public static IReadOnlyList<NodeSlot> DetectSlots(AgentOptions options)
    {
        var hardware = Describe(ReadLines("/proc/cpuinfo"), RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant());
        var memory = options.SlotMemoryBytes ?? MemoryBytes(ReadLines("/proc/meminfo")) / options.Slots;
        var threads = options.Threads ?? Math.Max(1, Environment.ProcessorCount / options.Slots);
        return [.. Enumerable.Range(0, options.Slots).Select(i => new NodeSlot(i, options.Device == "cuda" ? $"cuda:{i}" : "cpu", memory, threads, hardware))];
    }

    /// <summary>Model name and kernel-deciding features of <c>/proc/cpuinfo</c>, in a fixed order.</summary>
    public static string Describe(IEnumerable<string> cpuinfo, string architecture)
    {
        string? model = null;
        HashSet<string>? flags = null;
        foreach (var line in cpuinfo)
        {
            var colon = line.IndexOf(':');
            if (colon < 0) continue;
            var (key, value) = (line[..colon].Trim(), line[(colon + 1)..].Trim());
            if (key == "model name") model ??= value;
            if (key is "flags" or "Features") flags ??= [.. value.Split(' ', StringSplitOptions.RemoveEmptyEntries)];
            if (model is not null && flags is not null) break;
        }
        var features = KernelFeatures.Where(f => flags?.Contains(f) == true);
        return $"{architecture}; {model ?? "unknown CPU"}; {string.Join(' ', features)}".TrimEnd(' ', ';');
    }

    /// <summary>The machine's memory, or that of the process's memory limit where it is smaller.</summary>
    private static long MemoryBytes(IEnumerable<string> meminfo)
    {
        var total = meminfo.FirstOrDefault(l => l.StartsWith("MemTotal:", StringComparison.Ordinal))?.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1];
        var machine = total is null ? long.MaxValue : long.Parse(total, CultureInfo.InvariantCulture) * 1024;
        return Math.Min(machine, GC.GetGCMemoryInfo().TotalAvailableMemoryBytes);
    }

    private static IEnumerable<string> ReadLines(string path) => File.Exists(path) ? File.ReadLines(path) : [];
}
