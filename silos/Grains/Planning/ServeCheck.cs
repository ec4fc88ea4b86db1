using System.Globalization;
using System.Text.RegularExpressions;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Contracts.Jobs;
using FineTuneGrid.Contracts.Models;

namespace FineTuneGrid.Grains.Planning;

/// <summary>
/// Whether the adapter that a job makes will load in vLLM, TGI and llama.cpp, and there compute what was trained. A server that
/// takes the files but drops a part of them, or scales them otherwise, counts as one that does not load it.
/// </summary>
public static partial class ServeCheck
{
    /// <summary>The values that vLLM takes for --max-lora-rank, of which 16 is the default.</summary>
    private static readonly int[] VllmRanks = [1, 8, 16, 32, 64, 128, 256, 320, 512];

    private const int VllmDefaultRank = 16;

    /// <param name="modelType">model_type of the base.</param>
    /// <param name="modules">Every linear layer of the base.</param>
    /// <exception cref="GridException">invalid_value: as <see cref="TargetModules.Select"/>.</exception>
    /// <param name="classifies">The adapter brings a head over classes.</param>
    public static IReadOnlyList<ServeFinding> Of(string modelType, MethodSpec method, IReadOnlyList<LinearModule> modules, bool classifies = false)
    {
        if (classifies)
            return [.. ServerNames.All.Select(server => new ServeFinding(server, false, ClassifierHeads(modelType)))];
        var plan = new Plan(modelType, method, modules, [.. TargetModules.Select(method, modules).Select(m => Wrapped.Of(method, m.Path))]);
        return [Vllm(plan), Tgi(plan), LlamaCpp(plan)];
    }

    /// <exception cref="GridException">invalid_value: a named server will not load the adapter, or it is not known to.</exception>
    public static void Require(IReadOnlyList<ServeFinding> found, IReadOnlyList<string> servers)
    {
        var bad = found.Where(f => servers.Contains(f.Server) && f.Loads != true).ToList();
        if (bad.Count == 0)
            return;
        var findings = bad.Select(f => new GridFinding("strict_serving", f.Loads is null
            ? $"strict_serving: it is not known that {f.Server} loads this adapter: {f.Why} Take {f.Server} out of strict_serving to train it all the same."
            : $"strict_serving: {f.Server} will not load this adapter: {f.Why}")).ToList();
        throw new GridException(ErrorCodes.InvalidValue, string.Join(" ", findings.Select(f => f.Message)), "strict_serving") { Findings = findings };
    }

    private static ServeFinding Vllm(Plan plan)
    {
        var refused = Parts(plan.Method, "vLLM refuses adapters with").ToList();
        var rank = Math.Max(plan.Method.Rank, plan.Wrapped.Max(w => w.Rank));
        if (rank > VllmRanks[^1])
            refused.Add($"vLLM's --max-lora-rank ends at {VllmRanks[^1]}, but the adapter has rank {rank}; lower method.rank.");
        if (OneScale(plan, "vLLM") is { } scale)
            refused.Add(scale);
        if (ServedBases.Vllm(plan.ModelType) == false)
            refused.Add($"vLLM has no LoRA for bases of type '{plan.ModelType}'; serve a merged model.");
        var needed = VllmRanks.First(n => n >= Math.Min(rank, VllmRanks[^1]));
        var needs = needed > VllmDefaultRank ? $"--enable-lora --max-lora-rank {needed}" : "--enable-lora";
        return Finding(ServerNames.Vllm, refused, Unknown(plan, "vLLM", ServedBases.Vllm(plan.ModelType)) ?? SeveralRanks(plan, "vLLM"), needs);
    }

    private static ServeFinding Tgi(Plan plan)
    {
        var refused = Parts(plan.Method, "TGI reads lora_A and lora_B only, and drops what comes with").ToList();
        if (OneScale(plan, "TGI") is { } scale)
            refused.Add(scale);
        if (plan.Wrapped.FirstOrDefault(w => !TgiLayer().IsMatch(w.Path)) is { } unseen)
            refused.Add($"TGI has adapters on q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj and down_proj of model.layers only, and drops {unseen.Path}; leave it out of method.target_modules.");
        foreach (var kind in plan.Wrapped.Where(w => TgiLayer().IsMatch(w.Path)).GroupBy(w => Kind(w.Path)))
        {
            if (kind.Count() != plan.Modules.Count(m => TgiLayer().IsMatch(m.Path) && Kind(m.Path) == kind.Key))
                refused.Add($"TGI drops {kind.Key} where not every layer has it; let method.target_modules name it in all layers or none.");
            if (kind.Select(w => w.Rank).Distinct().Count() > 1)
                refused.Add($"TGI stacks {kind.Key} over the layers, which must have one rank; take it out of method.rank_pattern.");
        }
        return Finding(ServerNames.Tgi, refused, Unknown(plan, "TGI", ServedBases.Tgi(plan.ModelType)) ?? SeveralRanks(plan, "TGI"), "LORA_ADAPTERS=NAME=DIRECTORY when it starts");
    }

    private static ServeFinding LlamaCpp(Plan plan)
    {
        var refused = Parts(plan.Method, "llama.cpp's convert_lora_to_gguf.py refuses adapters with").ToList();
        // A GGUF adapter has one alpha, and each layer is scaled by alpha over its own rank.
        if (plan.Wrapped.FirstOrDefault(w => !Same(w.Scale, Scale(false, plan.Method.Alpha, w.Rank))) is { } odd)
            refused.Add(plan.Method.Rslora && plan.Method is { RankPattern.Count: 0, AlphaPattern.Count: 0 }
                ? $"a GGUF adapter is scaled by alpha / rank, not by alpha / sqrt(rank); set method.rslora to false and method.alpha to {Number(plan.Method.Alpha * Math.Sqrt(plan.Method.Rank))}, which trains with the same scale."
                : $"a GGUF adapter has one alpha, which would scale {odd.Path} by {Number(Scale(false, plan.Method.Alpha, odd.Rank))} instead of {Number(odd.Scale)}; leave method.alpha_pattern empty and method.rslora false.");
        if (ServedBases.LlamaCpp(plan.ModelType) == false)
            refused.Add($"llama.cpp's converter does not know bases of type '{plan.ModelType}'.");
        return Finding(ServerNames.LlamaCpp, refused, Unknown(plan, "llama.cpp", ServedBases.LlamaCpp(plan.ModelType)),
            "convert_lora_to_gguf.py --base MODEL ADAPTER, then --lora FILE");
    }

    private static ServeFinding Finding(string server, List<string> refused, string? unknown, string needs) => (refused.Count, unknown) switch
    {
        ( > 0, _) => new(server, false, string.Join(" ", refused)),
        (_, { } why) => new(server, null, why),
        _ => new(server, true, Needs: needs),
    };

    private static string ClassifierHeads(string modelType) =>
        $"a classifier's adapter keeps its head ({ModelTypes.ClassifierHead(modelType)}) whole, as modules_to_save, which this server does not load; PEFT does, and /classify here.";

    /// <summary>Parts of an adapter beside its pairs of matrices.</summary>
    private static IEnumerable<string> Parts(MethodSpec method, string start)
    {
        if (method.Dora) yield return $"{start} DoRA's vectors; set method.dora to false.";
        if (method.ModulesToSave.Count > 0) yield return $"{start} modules_to_save ({string.Join(", ", method.ModulesToSave)}); leave method.modules_to_save empty.";
    }

    private static string? Unknown(Plan plan, string server, bool? known)
    {
        if (known is null)
            return $"whether {server} has LoRA for bases of type '{plan.ModelType}' is not recorded here.";
        return plan.Wrapped.FirstOrDefault(w => w.Path.Contains(".block_sparse_moe.", StringComparison.Ordinal)) is { } expert
            ? $"whether {server} has LoRA for experts and routers, such as {expert.Path}, is not recorded here; with method.target_modules on the attention alone it is."
            : null;
    }

    private static string? SeveralRanks(Plan plan, string server) => plan.Wrapped.FirstOrDefault(w => w.Rank != plan.Method.Rank) is { } odd
        ? $"whether {server} takes layers of several ranks, such as {odd.Path} with {odd.Rank}, is not recorded here; with method.rank_pattern empty it is."
        : null;

    /// <summary>vLLM and TGI scale every layer by the r and lora_alpha of the whole adapter.</summary>
    private static string? OneScale(Plan plan, string server) =>
        plan.Wrapped.FirstOrDefault(w => !Same(w.Scale, Scale(plan.Method.Rslora, plan.Method.Alpha, plan.Method.Rank))) is { } odd
            ? $"{server} scales all layers by one alpha and one rank, but {odd.Path} has alpha {Number(odd.Alpha)} and rank {odd.Rank}; leave method.rank_pattern and method.alpha_pattern empty."
            : null;

    private static double Scale(bool rslora, double alpha, int rank) => alpha / (rslora ? Math.Sqrt(rank) : rank);

    private static bool Same(double a, double b) => Math.Abs(a - b) <= 1e-9 * Math.Max(Math.Abs(a), Math.Abs(b));

    private static string Kind(string path) => path[(path.LastIndexOf('.') + 1)..];

    private static string Number(double value) => value.ToString("0.######", CultureInfo.InvariantCulture);

    [GeneratedRegex(@"^model\.layers\.\d+\.(self_attn\.[qkvo]_proj|mlp\.(gate|up|down)_proj)$", RegexOptions.CultureInvariant)]
    private static partial Regex TgiLayer();

    private sealed record Plan(string ModelType, MethodSpec Method, IReadOnlyList<LinearModule> Modules, IReadOnlyList<Wrapped> Wrapped);

    private sealed record Wrapped(string Path, int Rank, double Alpha, double Scale)
    {
        public static Wrapped Of(MethodSpec method, string path)
        {
            var (rank, alpha) = (TargetModules.RankOf(method, path), TargetModules.AlphaOf(method, path));
            return new(path, rank, alpha, ServeCheck.Scale(method.Rslora, alpha, rank));
        }
    }
}
