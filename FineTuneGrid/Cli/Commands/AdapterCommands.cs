using System.CommandLine;
using System.Text.Json;
using FineTuneGrid.Client;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Adapters;
using FineTuneGrid.Contracts.Provenance;

namespace FineTuneGrid.Cli.Commands;

public static class AdapterCommands
{
    private static readonly Argument<string> Reference = new("adapter") { Description = "org/name, org/name@version, or org/name@champion (candidate, archived)." };
    private static readonly Argument<DirectoryInfo> Folder = new("dir") { Description = "A folder." };

    public static Command Create() => CommandExtensions.Group("adapter", "Adapters: the results of jobs.",
        List(), Show(), Pull(), Export(), Push(), Promote(), Stages(), Verify(), SigningKey(), Remove());

    private static Command List() => new Command("list", "Registered adapters.").Does(async (context, ct) =>
    {
        context.Output.Table(await context.Client.ListAsync("api/v1/adapters", ct),
            ("ADAPTER", a => $"{a.Text("org")}/{a.Text("name")}"),
            ("VERSION", a => Find(a, null)?.Text("version")),
            ("CHAMPION", a => Find(a, AdapterStages.Champion)?.Text("version")),
            ("BASE", a => Find(a, null)?.Text("lineage.base_model")),
            ("VALID LOSS", a => Find(a, null)?.Rounded("metrics.valid_loss")),
            ("JOB", a => Find(a, null)?.Text("lineage.job_id")));
        return 0;
    });

    private static Command Show() => new Command("show", "One adapter with its versions, metrics and lineage.").Does(async (context, ct) =>
    {
        var (adapter, _) = await ResolveAsync(context, AdapterReference(context.Get(Reference)), ct);
        context.Output.Result(adapter, () => JsonSerializer.Serialize(adapter, GridJson.Indented));
        return 0;
    }, Reference);

    private static Command Pull() => new Command("pull", "Download an adapter; every file's digest is checked.").Does(PullAsync, Reference, Folder);

    private static Command Export()
    {
        var format = new Option<string>("--format")
        {
            Description = "peft: as it is stored; merged: a full model folder; gguf: an adapter for llama.cpp.", DefaultValueFactory = _ => "peft",
        };
        format.AcceptOnlyFromAmong("peft", "merged", "gguf");
        return new Command("export", "Download an adapter in another format, measured against the live one.").Does(async (context, ct) =>
        {
            var (adapter, version) = await ResolveAsync(context, AdapterReference(context.Get(Reference)), ct);
            if (context.Get(format) == "peft")
            {
                ExportDownload.CheckFolder(context.Get(Folder), [.. version.GetProperty("files").EnumerateArray().Select(f => f.Text("path")!)]);
                return await PullAsync(context, ct);
            }
            var root = $"api/v1/adapters/{adapter.Text("org")}/{adapter.Text("name")}/versions/{version.Text("version")}";
            var view = await new ExportDownload(context).RunAsync(root, new { format = context.Get(format), dataset = context.Get(ModelCommands.HeldOut) }, context.Get(Folder), ct);
            context.Output.Result(view, () => $"{adapter.Text("org")}/{adapter.Text("name")}@{version.Text("version")} is in {context.Get(Folder)}: {ExportDownload.Describe(view)}");
            return 0;
        }, Reference, Folder, format, ModelCommands.HeldOut);
    }

    private static async Task<int> PullAsync(CommandContext context, CancellationToken ct)
    {
        var (adapter, version) = await ResolveAsync(context, AdapterReference(context.Get(Reference)), ct);
        var label = $"{adapter.Text("org")}/{adapter.Text("name")}@{version.Text("version")}";
        var root = $"api/v1/adapters/{adapter.Text("org")}/{adapter.Text("name")}/versions/{version.Text("version")}/files/";
        foreach (var file in version.GetProperty("files").EnumerateArray())
        {
            var path = SafePath.Check(file.Text("path")!);
            await context.Files.DownloadAsync(root + SafePath.Escape(path), Path.Combine(context.Get(Folder).FullName, path),
                (long)file.Number("length")!, file.Text("sha256")!, path, ct);
        }
        context.Output.Result(version, () => $"{label} is in {context.Get(Folder)}");
        return 0;
    }

    private static Command Push()
    {
        var baseModel = new Option<string?>("--base") { Description = "The registered base model (default: the one that adapter_config.json names)." };
        return new Command("push", "Import a PEFT adapter folder; a job can continue from it (method.init_adapter).").Does(async (context, ct) =>
        {
            var reference = AdapterReference(context.Get(Reference));
            var folder = context.Get(Folder);
            if (!File.Exists(Path.Combine(folder.FullName, "adapter_config.json"))) throw new CliException($"{folder} has no adapter_config.json", 2);
            if (!File.Exists(Path.Combine(folder.FullName, "adapter_model.safetensors")))
                throw new CliException($"{folder} has no adapter_model.safetensors; save the adapter as safetensors (PEFT's save_pretrained does)", 2);
            var root = $"api/v1/adapters/{reference.Org}/{reference.Name}";
            foreach (var name in (string[])["adapter_config.json", "adapter_model.safetensors"])
                await context.Files.UploadAsync(Path.Combine(folder.FullName, name), $"{root}/files/{name}", name, ct);
            var version = await context.Client.PostAsync($"{root}/commit", new { base_model = context.Get(baseModel) }, ct);
            context.Output.Result(version, () => $"{reference.Org}/{reference.Name}@{version.Text("version")} is registered");
            return 0;
        }, Reference, Folder, baseModel);
    }

    private static Command Promote()
    {
        var stage = new Argument<string>("stage") { Description = "candidate, champion (it must keep its job's gates; the one before is archived) or archived." };
        stage.AcceptOnlyFromAmong([.. AdapterStages.All]);
        return new Command("promote", "Put a version into a stage, whose name is then an alias of it.").Does(async (context, ct) =>
        {
            var reference = AdapterReference(context.Get(Reference));
            if (reference.Version is null) throw new CliException($"say which version: {reference}@1, or {reference}@candidate", 2);
            var version = await context.Client.PostAsync($"api/v1/adapters/{reference.Org}/{reference.Name}/promote", new { version = reference.Version, stage = context.Get(stage) }, ct);
            context.Output.Result(version, () => $"{reference.Org}/{reference.Name}@{version.Text("version")} is {version.Text("stage")}");
            return 0;
        }, Reference, stage);
    }

    private static Command Stages() => new Command("stages", "What was promoted when and by whom, newest first.").Does(async (context, ct) =>
    {
        var reference = AdapterReference(context.Get(Reference));
        context.Output.Table(await context.Client.ListAsync($"api/v1/adapters/{reference.Org}/{reference.Name}/stages", ct),
            ("TIME", c => c.Text("at")), ("VERSION", c => c.Text("version")), ("FROM", c => c.Text("from")), ("STAGE", c => c.Text("stage")), ("KEY", c => c.Text("by")));
        return 0;
    }, Reference);

    private static Command Verify()
    {
        var subject = new Argument<string>("adapter") { Description = "org/name, org/name@version, or a pulled folder (what is a folder here counts as one)." };
        var key = new Option<FileInfo?>("--key") { Description = "For a folder: the public key (PEM) that must have signed it, as `adapter signing-key` prints it. Default: the one in the folder." };
        return new Command("verify", "Check a registered adapter's stored files, or a pulled folder (offline), against digests and signature.").Does(async (context, ct) =>
        {
            if (!Directory.Exists(context.Get(subject)))
            {
                if (context.Get(key) is not null) throw new CliException("--key is for a pulled folder; there is none of this name", 2);
                return await VerifyStoredAsync(context, AdapterReference(context.Get(subject)), ct);
            }
            var report = await AdapterVerification.RunAsync(Path.GetFullPath(context.Get(subject)), await TrustedAsync(context.Get(key), ct), ct);
            var signer = report.Signer is null ? "not signed" : $"signed by {report.Signer}";
            context.Output.Result(report, () => $"{report.Adapter}@{report.Version}: {report.Files} files as registered, {signer}");
            return 0;
        }, subject, key);
    }

    private static async Task<VerifyingKey?> TrustedAsync(FileInfo? file, CancellationToken ct)
    {
        if (file is null) return null;
        if (!file.Exists) throw new CliException($"--key: there is no file {file}", 2);
        try
        {
            return VerifyingKey.FromPem(await File.ReadAllTextAsync(file.FullName, ct));
        }
        catch (GridException e)
        {
            throw new CliException($"--key: {file} holds no ECDSA P-256 public key in PEM form", 2, e);
        }
    }

    private static Command SigningKey() => new Command("signing-key", "Print the installation's public key, for `adapter verify --key`.").Does(async (context, ct) =>
    {
        var key = await context.Client.GetAsync("api/v1/signing-key", ct);
        context.Output.Result(key, () => key.Text("pem")!.TrimEnd());
        return 0;
    });

    private static async Task<int> VerifyStoredAsync(CommandContext context, AdapterRef reference, CancellationToken ct)
    {
        var (_, version) = await ResolveAsync(context, reference, ct);
        var check = await context.Client.GetAsync($"api/v1/adapters/{reference.Org}/{reference.Name}/versions/{version.Text("version")}/verify", ct);
        var files = check.GetProperty("files").EnumerateArray().ToList();
        var label = $"{check.Text("adapter")}@{check.Text("version")}";
        var bad = files.Where(f => f.Text("problem") is not null).ToList();
        if (bad.Count == 0 && check.Text("whole") != "true") throw new CliException($"{label} is not whole");
        context.Output.Result(check, () => bad.Count == 0 ? $"{label}: {files.Count} files as registered" : string.Join("\n", bad.Select(f => $"{f.Text("path")} {f.Text("problem")}")));
        return bad.Count == 0 ? 0 : throw new CliException($"{label}: {bad.Count} of {files.Count} stored files are not what was registered; the first: {bad[0].Text("path")} {bad[0].Text("problem")}");
    }

    private static Command Remove() => new Command("rm", "Remove an adapter, or with @version one version.").Does(async (context, ct) =>
    {
        var reference = AdapterReference(context.Get(Reference));
        await context.Client.DeleteAsync($"api/v1/adapters/{reference.Org}/{reference.Name}" + (reference.Version is { } v ? $"?version={v}" : ""), ct);
        context.Output.Result(new { removed = reference.ToString() }, () => $"removed {reference}");
        return 0;
    }, Reference);

    private static async Task<(JsonElement Adapter, JsonElement Version)> ResolveAsync(CommandContext context, AdapterRef reference, CancellationToken ct)
    {
        var adapter = await context.Client.GetAsync($"api/v1/adapters/{reference.Org}/{reference.Name}", ct);
        return (adapter, Find(adapter, reference.Version) ?? throw new CliException($"{reference} has no such version"));
    }

    private static AdapterRef AdapterReference(string text)
    {
        try
        {
            return AdapterRef.Parse(text, "adapter");
        }
        catch (GridException e)
        {
            throw new CliException(e.Message, 2, e);
        }
    }

    /// <summary>The version that a number or an alias names, as the server sent it; the newest where nothing is given.</summary>
    private static JsonElement? Find(JsonElement adapter, string? versionOrAlias) =>
        adapter.Deserialize<AdapterView>(GridJson.Options)!.Find(versionOrAlias) is { } found
            ? adapter.GetProperty("versions").EnumerateArray().Single(v => v.Text("version") == found.Version) : null;
}
