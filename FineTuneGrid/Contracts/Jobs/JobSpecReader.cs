using System.Text.Json;
using System.Text.Json.Nodes;

namespace FineTuneGrid.Contracts.Jobs;

/// <summary>Reads a job from untrusted JSON: unknown and mistyped fields are refused by name, all faults at once, defaults filled.</summary>
public static class JobSpecReader
{
    private const int MaxBytes = 1 << 20;
    private const int MaxDepth = 32;

    /// <exception cref="GridException"><c>invalid_json</c>, or <c>invalid_spec</c> with one finding per fault.</exception>
    public static JobSpec Read(ReadOnlySpan<byte> json)
    {
        if (json.Length > MaxBytes)
            throw new GridException(ErrorCodes.TooLarge, $"A job may have at most {MaxBytes} bytes of JSON, not {json.Length}.");
        JsonNode? node;
        try
        {
            node = JsonNode.Parse(json, null, new JsonDocumentOptions { MaxDepth = MaxDepth, AllowDuplicateProperties = false });
        }
        catch (JsonException e)
        {
            throw new GridException(ErrorCodes.InvalidJson, $"The job is not valid JSON: {e.Message}", inner: e);
        }
        return ReadParsed(node);
    }

    /// <summary>The same for a node of any make.</summary>
    public static JobSpec Read(JsonNode? node)
    {
        try
        {
            // Nodes made in memory hold numbers of every CLR type; parsed ones hold JSON's one kind, which is what the checks know.
            return ReadParsed(node is JsonObject ? JsonNode.Parse(node.ToJsonString()) : node);
        }
        catch (ArgumentException e)
        {
            throw new GridException(ErrorCodes.InvalidJson, $"The job is no JSON: {e.Message}", inner: e);
        }
    }

    private static JobSpec ReadParsed(JsonNode? node)
    {
        if (node is not JsonObject given)
            throw new GridException(ErrorCodes.InvalidJson, "A job must be a JSON object.");
        var check = new SchemaCheck();
        var filled = (JsonObject)check.Apply(given, JobSchema.Root, "")!;
        var findings = check.Findings.ToList();
        JobSpec? spec = null;
        if (findings.Count == 0)
        {
            spec = JobRules.FillExclusive(filled.Deserialize<JobSpec>(GridJson.Options)!);
            findings.AddRange(JobRules.Check(spec));
        }
        if (findings.Count > 0)
            throw new GridException(ErrorCodes.InvalidSpec, Summary(findings), findings[0].Where) { Findings = findings };
        return spec!;
    }

    private static string Summary(List<GridFinding> findings) =>
        findings.Count == 1 ? findings[0].Message : $"{findings[0].Message} ({findings.Count - 1} more)";
}
