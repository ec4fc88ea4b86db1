using System.Text.Json;
using FineTuneGrid.SampleMaker;

// Makes everything under datasets/samples that is not trained: the tokenizer, the base model's corpus, the sample data set.
// Usage: SampleMaker OUT-DIR CORPUS-DIR. The same bytes on every run.
if (args.Length != 2)
{
    Console.Error.WriteLine("usage: SampleMaker OUT-DIR CORPUS-DIR");
    return 2;
}
var (output, corpusFolder) = (args[0], args[1]);
const int BaseRows = 120_000;
const int TrainRows = 3_000;
const int ValidationRows = 200;
const int VocabularySize = 640;

Directory.CreateDirectory(corpusFolder);
var tokenizerFolder = Directory.CreateDirectory(Path.Combine(output, "tiny-tokenizer")).FullName;

var corpus = new Corpus(seed: 1);
var baseRows = Enumerable.Range(0, BaseRows).Select(_ => corpus.BaseRow()).ToList();

var records = new Corpus(seed: 2);
var validation = Distinct(records.RecordRow, [], ValidationRows);
var held = validation.Select(r => r.Prompt).ToHashSet();
var train = Distinct(records.RecordRow, held, TrainRows);

var texts = baseRows.Take(20_000).Concat(train).Select(r => r.Prompt + r.Completion);
File.WriteAllText(Path.Combine(tokenizerFolder, "tokenizer.json"), BpeTrainer.Train(texts, VocabularySize));
File.WriteAllText(Path.Combine(tokenizerFolder, "tokenizer_config.json"), JsonSerializer.Serialize(
    new Dictionary<string, object> { ["tokenizer_class"] = "PreTrainedTokenizerFast", ["eos_token"] = BpeTrainer.Eos, ["model_max_length"] = 256 },
    new JsonSerializerOptions { WriteIndented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }));
await ParquetOut.WriteAsync(Path.Combine(corpusFolder, "tiny-corpus.parquet"), baseRows);
await ParquetOut.WriteAsync(Path.Combine(output, "train.parquet"), train);
await ParquetOut.WriteAsync(Path.Combine(output, "validation.parquet"), validation);
Console.WriteLine($"{baseRows.Count} corpus rows, {train.Count} training rows, {validation.Count} validation rows");
return 0;

static List<Row> Distinct(Func<Row> draw, HashSet<string> excluded, int count)
{
    var seen = new HashSet<string>(excluded);
    var rows = new List<Row>(count);
    while (rows.Count < count)
    {
        var row = draw();
        if (seen.Add(row.Prompt)) rows.Add(row);
    }
    return rows;
}
