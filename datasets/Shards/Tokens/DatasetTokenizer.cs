using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Storage;
using FineTuneGrid.Text;

namespace FineTuneGrid.Shards;

/// <summary>
/// Renders and tokenises a data set for a model and keeps the result under a key made of everything that decides it. Shards are
/// written first, the index last; the same input gives the same bytes.
/// </summary>
public sealed class DatasetTokenizer
{
    private const string Field = "data.train";

    private readonly IBlobStore _store;
    private readonly DatasetManifest _dataset;
    private readonly RowFormat _format;
    private readonly ModelText _model;
    private readonly ExampleTokenizer _examples;
    private readonly TokenizeTally _tally;
    private readonly int _limit;
    private readonly string _folder;
    private readonly ClassMap? _classes;

    private DatasetTokenizer(IBlobStore store, TokenizeDatasetRequest request, ModelText model, LabelColumn? column, ClassMap? classes)
    {
        _classes = classes;
        _store = store;
        _dataset = request.Dataset;
        _model = model;
        _format = column is null || classes is null ? Learnt(request) : new LabelledFormat(RowFormat.Choose(DataFormats.Classification, request.Dataset.Columns), column, classes);
        _limit = request.Model.ContextLength > 0 ? Math.Min(request.SequenceLength, request.Model.ContextLength) : request.SequenceLength;
        var vocabulary = request.Model.VocabularySize > 0 ? request.Model.VocabularySize : model.Tokenizer.VocabularySize;
        _examples = new ExampleTokenizer(model, vocabulary);
        _tally = new TokenizeTally(_limit, request.SequenceLength, request.Model.ContextLength, classes is not null);
        _folder = $"datasets/{request.Dataset.Id}/tokens/{Hash($"{TokenIndex.Recipe}\n{request.Dataset.Digest}\n{model.Digest}\n{_format.Name}\n{_limit}\n{vocabulary}{Classes(column, classes)}")[..32]}";
    }

    /// <exception cref="GridException">
    /// <c>invalid_dataset</c>, <c>sequence_too_long</c>, <c>no_trainable_tokens</c>, <c>empty_dataset</c>, <c>invalid_template</c>
    /// ... with the rows.
    /// </exception>
    public static async Task<TokenIndex> RunAsync(IBlobStore store, TokenizeDatasetRequest request, CancellationToken cancellation = default)
    {
        if (request.SequenceLength < 2)
            throw new GridException(ErrorCodes.InvalidSpec, "data.sequence_length must be at least 2.", "data.sequence_length");
        var model = await LoadAsync(store, request.Model, cancellation);
        var (column, classes) = request.Classes is null ? (null, null) : await ClassScan.RunAsync(store, request, cancellation);
        var tokenizer = new DatasetTokenizer(store, request, model, column, classes);
        return await tokenizer.FindAsync(cancellation) ?? await tokenizer.MakeAsync(cancellation);
    }

    /// <summary>A model's tokenizer and template from its files in the store.</summary>
    public static async Task<ModelText> LoadAsync(IBlobStore store, ModelManifest manifest, CancellationToken cancellation = default)
    {
        Dictionary<string, ReadOnlyMemory<byte>> files = new(StringComparer.Ordinal);
        foreach (var file in manifest.Files.Where(f => ModelText.FileNames.Contains(f.Path)))
        {
            if (await store.ReadAllBytesAsync(file.Key, cancellation: cancellation) is var (_, bytes))
                files[file.Path] = bytes;
        }
        return ModelText.Load(files);
    }

    private async Task<TokenIndex?> FindAsync(CancellationToken cancellation)
    {
        if (await TokenForms.TakeAsync(_store, $"{_folder}/index.json", cancellation) is not { } index)
            return null;
        foreach (var shard in index.Shards)
        {
            // A damaged shard is made anew rather than trusted.
            if (await _store.Sha256Async(shard.Key, cancellation) != shard.Sha256)
                return null;
        }
        return index;
    }

    private async Task<TokenIndex> MakeAsync(CancellationToken cancellation)
    {
        List<TokenShard> shards = [];
        try
        {
            await foreach (var (file, slice) in new SourceSet(_store, _dataset.Files).ReadAsync(_format.Columns, cancellation))
            {
                var examples = Tokenize(file.Path, slice);
                if (!_tally.Refused)
                    shards.Add(await WriteAsync(examples, shards.Count, cancellation));
            }
            _tally.Conclude(_format, _model);
        }
        catch (GridException)
        {
            foreach (var shard in shards)
                await _store.DeleteAsync(shard.Key, cancellation: CancellationToken.None);
            throw;
        }
        var digest = Hash(string.Concat(shards.Select(s => s.Sha256 + "\n")));
        var index = new TokenIndex($"{_folder}/index.json", digest, _format.Name, _limit, _tally.Examples, _tally.Tokens, _tally.Supervised, _tally.Longest, shards)
        {
            Classes = _classes?.Names,
            Lengths = _tally.Lengths,
        };
        await _store.WriteJsonAsync(index.Key, index, options: GridJson.Options, cancellation: cancellation);
        return index;
    }

    private List<TrainingExample> Tokenize(string file, SourceSlice slice)
    {
        var results = new (TrainingExample? Example, string? Problem)[slice.Rows.Count];
        try
        {
            Parallel.For(0, results.Length, i => results[i] = TokenizeRow(slice.Rows[i]));
        }
        catch (AggregateException problems) when (problems.InnerExceptions.OfType<GridException>().FirstOrDefault() is { } problem)
        {
            throw new GridException(problem.Code, problem.Message, problem.Field, problem);
        }
        List<TrainingExample> examples = new(results.Length);
        for (var i = 0; i < results.Length; i++)
        {
            if (results[i].Example is not { } example)
            {
                _tally.Problem(file, slice.Rows[i], results[i].Problem!);
                continue;
            }
            _tally.Add(file, slice.Rows[i], example, _model.StopIds);
            examples.Add(example);
        }
        return examples;
    }

    private (TrainingExample? Example, string? Problem) TokenizeRow(NumberedRow row)
    {
        if (row.Problem is not null)
            return (null, row.Problem);
        try
        {
            return (_examples.Tokenize(_format.Parse(row.Value)), null);
        }
        catch (RowException problem)
        {
            return (null, problem.Message);
        }
        catch (GridException problem) when (problem.Code == ErrorCodes.InvalidTemplate)
        {
            return (null, problem.Message);
        }
    }

    private async Task<TokenShard> WriteAsync(List<TrainingExample> examples, int number, CancellationToken cancellation)
    {
        List<int> ids = [];
        List<int> labels = [];
        List<long> offsets = [0];
        foreach (var example in examples)
        {
            ids.AddRange(example.Ids);
            labels.AddRange(example.Labels);
            offsets.Add(ids.Count);
        }
        var key = string.Create(CultureInfo.InvariantCulture, $"{_folder}/{number:D6}.safetensors");
        string digest;
        await using (var content = TokenShardFormat.Write(ids, labels, offsets))
            digest = Convert.ToHexStringLower(await SHA256.HashDataAsync(content, cancellation));
        await using var again = TokenShardFormat.Write(ids, labels, offsets);
        var info = await _store.WriteAsync(key, again, cancellation: cancellation);
        return new TokenShard(key, digest, info.Length, examples.Count, ids.Count);
    }

    private static RowFormat Learnt(TokenizeDatasetRequest request)
    {
        var format = RowFormat.Choose(request.Format, request.Dataset.Columns);
        return format.Name != DataFormats.Classification ? format : throw new GridException(ErrorCodes.InvalidDataset,
            "The data set holds texts to be classified; set objective.type to 'classification', or name data of another format.", "objective.type");
    }

    private static string Classes(LabelColumn? column, ClassMap? classes) =>
        classes is null ? "" : $"\n{GridJson.ToText((string[])[column!.Name, .. classes.Names])}";

    private static string Hash(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
}
