using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Access;
using FineTuneGrid.Contracts.Adapters;
using FineTuneGrid.Contracts.Exports;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Models;
using FineTuneGrid.Contracts.Training;
using FineTuneGrid.Gateway.Assets;
using Orleans;

namespace FineTuneGrid.Gateway.Runs;

/// <param name="Format">Of <see cref="ExportFormats"/>.</param>
/// <param name="Dtype">Of a base model's matrices as GGUF; null: as they are stored.</param>
/// <param name="Dataset">A data set to measure the export on; null: a text of the program's own.</param>
public sealed record ExportRequest(string? Format = null, string? Dtype = null, string? Dataset = null);

/// <summary>Models and adapters in other formats: made on a node once, kept below what they were made of.</summary>
public sealed class ExportService(IGrainFactory grains, TaskRunner runner)
{
    private static readonly string[] OfAdapters = [ExportFormats.Merged, ExportFormats.Gguf];
    private static readonly string[] OfModels = [ExportFormats.Gguf];

    /// <exception cref="GridException"><c>invalid_value</c>: no such format or dtype; <c>unavailable</c>: no node is alive.</exception>
    public async Task<ExportView> BeginAsync(Principal caller, AdapterView adapter, AdapterVersionView version, ExportRequest request)
    {
        if (request.Format == "peft")
            throw new GridException(ErrorCodes.InvalidValue, "format peft is how the version is stored: download its files.", "format");
        CheckFormat(request, OfAdapters);
        if (request.Dtype is not null)
            throw new GridException(ErrorCodes.InvalidValue, "dtype is for base models as GGUF; a merged model keeps its base's, an adapter as GGUF is f32.", "dtype");
        var subject = $"{adapter.Org}/{adapter.Name}@{version.Version}";
        return await BeginAsync(caller, subject, subject, PrefixOf(adapter, version), request);
    }

    /// <inheritdoc cref="BeginAsync(Principal, AdapterView, AdapterVersionView, ExportRequest)"/>
    public async Task<ExportView> BeginAsync(Principal caller, ModelView model, ExportRequest request)
    {
        CheckFormat(request, OfModels);
        if (request.Dtype is { } dtype && !ExportFormats.Dtypes.Contains(dtype))
            throw new GridException(ErrorCodes.InvalidValue, $"dtype must be {string.Join(", ", ExportFormats.Dtypes)}, or absent to keep the model's own.", "dtype");
        return await BeginAsync(caller, model.Id, model.Name, PrefixOf(model), request);
    }

    public Task<ExportView> GetAsync(AdapterView adapter, AdapterVersionView version, string export) => GetAsync(PrefixOf(adapter, version), export);

    public Task<ExportView> GetAsync(ModelView model, string export) => GetAsync(PrefixOf(model), export);

    private static string PrefixOf(AdapterView adapter, AdapterVersionView version) => $"adapters/{adapter.Id}/{version.Version}/exports/";

    private static string PrefixOf(ModelView model) => $"models/{model.Id}/exports/";

    private static void CheckFormat(ExportRequest request, string[] formats)
    {
        if (request.Format is null || !formats.Contains(request.Format))
            throw new GridException(ErrorCodes.InvalidValue, $"format must be {string.Join(" or ", formats)}.", "format");
    }

    /// <param name="reference">What <see cref="TaskRunner.SubjectAsync"/> finds it by.</param>
    private async Task<ExportView> BeginAsync(Principal caller, string reference, string name, string folder, ExportRequest request)
    {
        var prefix = $"{folder}{ExportFormats.KeyOf(request.Format!, request.Dtype)}/";
        var grain = grains.GetGrain<IExportGrain>(prefix);
        if (await grain.Get() is { Status: ExportStatus.Ready or ExportStatus.Running } there)
            return there;
        var subject = await runner.SubjectAsync(caller, reference);
        var text = request.Dataset is null ? null : await runner.TokensAsync(caller, request.Dataset, subject, "auto", labelColumn: null);
        var (node, task) = await runner.PlaceAsync(subject);
        return await grain.Begin(node, task with { Export = new ExportTask(request.Format!, request.Dtype, name, prefix, text, request.Dataset) });
    }

    /// <summary>Only names that an export can have become keys.</summary>
    private async Task<ExportView> GetAsync(string folder, string export)
    {
        string[] known = [ExportFormats.Merged, ExportFormats.Gguf, .. ExportFormats.Dtypes.Select(d => ExportFormats.KeyOf(ExportFormats.Gguf, d))];
        return known.Contains(export) ? await grains.GetGrain<IExportGrain>($"{folder}{export}/").Get()
            : throw new GridException(ErrorCodes.NotFound, $"There is no export '{export}'; there may be {string.Join(", ", known)}.", "export");
    }
}
