using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Storage;
using FineTuneGrid.Text.Json;

namespace FineTuneGrid.Shards;

/// <summary>Settles which classes a data set's rows are of, before they are tokenised.</summary>
internal static class ClassScan
{
    /// <exception cref="GridException"><c>invalid_dataset</c>: there is no such column, or a row without a class; each such row is named.</exception>
    public static async Task<(LabelColumn Column, ClassMap Classes)> RunAsync(IBlobStore store, TokenizeDatasetRequest request, CancellationToken cancellation)
    {
        var wanted = request.Classes!;
        var column = new LabelColumn(wanted.Column ?? ClassRequest.DefaultColumn);
        if (!request.Dataset.Columns.Contains(column.Name))
        {
            throw new GridException(ErrorCodes.InvalidDataset,
                $"The data set has no column '{column.Name}'; set objective.label_column to the one that holds the classes (it has {string.Join(", ", request.Dataset.Columns.Take(50))}).", "objective.label_column");
        }
        var names = wanted.Names ?? (wanted.Adapter is { } files ? await OfAdapterAsync(store, files, cancellation) : null);
        return (column, names is not null ? new ClassMap(names) : ClassMap.Choose(await FindAsync(store, request.Dataset, column, cancellation), request.Model.Classes, column.Name));
    }

    private static async Task<HashSet<LabelValue>> FindAsync(IBlobStore store, DatasetManifest dataset, LabelColumn column, CancellationToken cancellation)
    {
        HashSet<LabelValue> found = [];
        var faults = new FindingList();
        await foreach (var (file, slice) in new SourceSet(store, dataset.Files).ReadAsync(new HashSet<string> { column.Name }, cancellation))
        {
            foreach (var row in slice.Rows)
            {
                if (Problem(row, column, found) is { } problem)
                    faults.Add(file.Path, row.Row, problem, row.Value);
            }
        }
        faults.ThrowIfAny(ErrorCodes.InvalidDataset, "data.train", "Mend or remove these rows.");
        return found.Count > 0 ? found : throw new GridException(ErrorCodes.EmptyDataset, "The data set has no rows.", "data.train");
    }

    private static string? Problem(NumberedRow row, LabelColumn column, HashSet<LabelValue> found)
    {
        if (row.Problem is not null)
            return row.Problem;
        try
        {
            var value = column.Read(row.Value);
            if (found.Count > 0 && found.First().Number is null != value.Number is null)
                return $"'{column.Name}' is '{value.Name}', but other rows have {(value.Number is null ? "whole numbers" : "texts")}; write all classes in one way";
            if (found.Count <= ClassMap.Most)
                found.Add(value);
            return null;
        }
        catch (RowException problem)
        {
            return problem.Message;
        }
    }

    private static async Task<IReadOnlyList<string>> OfAdapterAsync(IBlobStore store, IReadOnlyList<SourceFile> files, CancellationToken cancellation)
    {
        var file = files.FirstOrDefault(f => f.Path == ClassNames.FileName)
            ?? throw new GridException(ErrorCodes.InvalidAdapter, $"The adapter has no {ClassNames.FileName}: it is no classifier's.", ClassNames.FileName);
        if (await store.ReadAllBytesAsync(file.Key, cancellation: cancellation) is not var (_, bytes))
            throw new GridException(ErrorCodes.NotFound, $"The adapter's {ClassNames.FileName} is not in the store.", ClassNames.FileName);
        using var document = StrictJson.Parse(bytes, ClassNames.FileName);
        return ClassNames.Read(document.RootElement)
            ?? throw new GridException(ErrorCodes.InvalidAdapter, $"{ClassNames.FileName} must have id2label with the ids 0, 1, 2 ... and different names.", ClassNames.FileName);
    }
}
