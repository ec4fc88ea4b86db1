namespace FineTuneGrid.SampleMaker;

/// <summary>One training row: the model sees the prompt and is trained on the completion.</summary>
public sealed record Row(string Prompt, string Completion);

/// <summary>
/// Everyday sentences about purchases and trips, and questions about them. The base model learns to answer single questions;
/// the sample data set asks for something it has never seen: the whole sentence as one record.
/// </summary>
public sealed class Corpus(ulong seed)
{
    private static readonly string[] People =
        ["Anna", "Ben", "Carla", "David", "Elena", "Felix", "Greta", "Hugo", "Ines", "Jonas", "Karin", "Leo", "Maria", "Nils", "Olga", "Paul",
         "Rosa", "Simon", "Tara", "Viktor", "Wanda", "Yusuf", "Zoe", "Amir", "Bella", "Chen", "Dora", "Emil", "Fatima", "Goran"];

    private static readonly string[] Things =
        ["apples", "books", "chairs", "drums", "eggs", "flowers", "gloves", "hats", "jars", "kites", "lamps", "maps", "nails", "oranges",
         "pens", "quilts", "ropes", "shoes", "tables", "umbrellas", "vases", "watches", "baskets", "candles"];

    private static readonly string[] Colours = ["red", "blue", "green", "white", "black", "yellow", "brown", "grey", "pink", "purple"];

    private static readonly string[] Towns =
        ["Paris", "Rome", "Oslo", "Berlin", "Madrid", "Vienna", "Lisbon", "Athens", "Dublin", "Prague", "Cairo", "Tokyo", "Lima", "Quito",
         "Boston", "Denver", "Delhi", "Seoul", "Sydney", "Nairobi"];

    private static readonly string[] Numbers = ["two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "twelve"];

    private static readonly string[] Verbs = ["bought", "sold", "found", "painted", "packed", "ordered"];

    private static readonly string[] Days = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

    private readonly SplitMix _random = new(seed);

    private sealed record Scene(string Who, string Verb, string Count, string Colour, string Thing, string Town, string Day);

    /// <summary>A row of the base model's training: one of the single questions, or copying.</summary>
    public Row BaseRow()
    {
        var scene = Draw();
        var sentence = Sentence(scene);
        return _random.Below(9) switch
        {
            0 => new($"who: {sentence}", $" {scene.Who}"),
            1 => new($"what: {sentence}", $" {scene.Thing}"),
            2 => new($"where: {sentence}", $" {scene.Town}"),
            3 => new($"when: {sentence}", $" {scene.Day}"),
            4 => new($"how many: {sentence}", $" {scene.Count}"),
            5 => new($"colour: {sentence}", $" {scene.Colour}"),
            6 => new($"action: {sentence}", $" {scene.Verb}"),
            7 => new($"copy: {sentence}", $" {sentence}"),
            _ => Swap(),
        };
    }

    /// <summary>A row of the sample task: the sentence as a record.</summary>
    public Row RecordRow()
    {
        var scene = Draw();
        return new($"record: {Sentence(scene)}", $" {scene.Who} | {scene.Count} | {scene.Thing} | {scene.Town}");
    }

    /// <summary>Also where the base model meets the separator: a token that it never saw could not be told from other unseen ones.</summary>
    private Row Swap()
    {
        var (a, b) = (AnyWord(), AnyWord());
        return new($"swap: {a} | {b}", $" {b} | {a}");
    }

    private string AnyWord() => _random.Below(5) switch
    {
        0 => _random.Pick(People),
        1 => _random.Pick(Things),
        2 => _random.Pick(Towns),
        3 => _random.Pick(Colours),
        _ => _random.Pick(Days),
    };

    private Scene Draw() => new(_random.Pick(People), _random.Pick(Verbs), _random.Pick(Numbers), _random.Pick(Colours), _random.Pick(Things),
        _random.Pick(Towns), _random.Pick(Days));

    private string Sentence(Scene s) => _random.Below(4) switch
    {
        0 => $"{s.Who} {s.Verb} {s.Count} {s.Colour} {s.Thing} in {s.Town} on {s.Day}.",
        1 => $"On {s.Day} {s.Who} {s.Verb} {s.Count} {s.Colour} {s.Thing} in {s.Town}.",
        2 => $"In {s.Town} {s.Who} {s.Verb} {s.Count} {s.Colour} {s.Thing} on {s.Day}.",
        _ => $"On {s.Day} in {s.Town} {s.Who} {s.Verb} {s.Count} {s.Colour} {s.Thing}.",
    };
}
