using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Inspection;

namespace FineTuneGrid.Storage;

/// <summary>
/// Starts an inspector process for one request: the request on its standard input, the reply on its standard output. The process
/// gets no environment but what .NET needs, a hard heap limit, a time limit and a bounded reply; whatever happens to it, the caller
/// gets a reply or a typed error.
/// </summary>
/// <param name="command">The program and its first arguments, for instance <c>dotnet FineTuneGrid.Inspector.dll</c>.</param>
public sealed class InspectorLauncher(IReadOnlyList<string> command, Func<InspectorRequest, InspectorLimits>? limits = null)
{
    private const int MaximumErrorText = 4 << 10;
    private static readonly string[] PassedOn = ["PATH", "HOME", "TMPDIR", "DOTNET_ROOT", "DOTNET_ROOT_X64", "DOTNET_ROOT_ARM64", "LD_LIBRARY_PATH"];

    private readonly Func<InspectorRequest, InspectorLimits> _limits = limits ?? InspectorLimits.For;

    /// <returns>The reply; its <see cref="InspectorReply.Error"/> is the user's refusal.</returns>
    /// <exception cref="GridException">The process died on its input (<c>invalid_dataset</c>, <c>invalid_model</c>, <c>invalid_adapter</c>), took too long
    /// or too much memory (<c>too_large</c>), or cannot be started (<c>unavailable</c>).</exception>
    public async Task<InspectorReply> RunAsync(InspectorRequest request, CancellationToken cancellation = default)
    {
        var bounds = _limits(request);
        using var process = Start(bounds);
        using var clock = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        clock.CancelAfter(bounds.Time);
        try
        {
            var output = ReadAsync(process.StandardOutput.BaseStream, bounds.OutputBytes, clock.Token);
            var errors = ReadErrorsAsync(process.StandardError, clock.Token);
            await WriteAsync(process, request, clock.Token);
            var reply = await output;
            await process.WaitForExitAsync(clock.Token);
            return reply is null
                ? throw new GridException(ErrorCodes.TooLarge, $"The files describe more than fits in a reply of {bounds.OutputBytes} bytes.", FieldOf(request))
                : Interpret(request, process.ExitCode, reply, await errors, bounds);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new GridException(ErrorCodes.TooLarge,
                $"Reading the files took more than {bounds.Time.TotalSeconds:0} s and was stopped; they are damaged, hostile or far too large. Split them into smaller ones.", FieldOf(request));
        }
        finally
        {
            Kill(process);
        }
    }

    private Process Start(InspectorLimits bounds)
    {
        var start = new ProcessStartInfo(command[0]) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        foreach (var argument in command.Skip(1))
            start.ArgumentList.Add(argument);
        var passed = PassedOn.Where(start.Environment.ContainsKey).ToDictionary(name => name, name => start.Environment[name]);
        start.Environment.Clear();
        foreach (var (name, value) in passed)
            start.Environment[name] = value;
        start.Environment["DOTNET_GCHeapHardLimit"] = bounds.HeapBytes.ToString("X", CultureInfo.InvariantCulture);
        start.Environment["DOTNET_gcServer"] = "0";
        start.Environment["DOTNET_gcConcurrent"] = "0";
        start.Environment["DOTNET_DbgEnableMiniDump"] = "0";
        start.Environment["DOTNET_NOLOGO"] = "1";
        try
        {
            return Process.Start(start) ?? throw new InvalidOperationException("no process was started");
        }
        catch (Exception problem) when (problem is Win32Exception or InvalidOperationException)
        {
            throw new GridException(ErrorCodes.Unavailable, $"The inspector '{command[0]}' cannot be started: {problem.Message}.", inner: problem);
        }
    }

    private static async Task WriteAsync(Process process, InspectorRequest request, CancellationToken cancellation)
    {
        try
        {
            await process.StandardInput.BaseStream.WriteAsync(GridJson.ToBytes(request), cancellation);
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It died before it read everything; its exit tells more than the broken pipe.
        }
    }

    /// <summary>All of a stream; null where it is longer than allowed.</summary>
    private static async Task<byte[]?> ReadAsync(Stream stream, int limit, CancellationToken cancellation)
    {
        using var content = new MemoryStream();
        var buffer = new byte[1 << 16];
        while (await stream.ReadAsync(buffer, cancellation) is var count and > 0)
        {
            if (content.Length + count > limit)
                return null;
            content.Write(buffer, 0, count);
        }
        return content.ToArray();
    }

    private static async Task<string> ReadErrorsAsync(StreamReader reader, CancellationToken cancellation)
    {
        var text = new StringBuilder();
        var buffer = new char[1024];
        while (await reader.ReadAsync(buffer, cancellation) is var count and > 0)
            text.Append(buffer, 0, Math.Min(count, MaximumErrorText - text.Length));
        return text.ToString();
    }

    private static InspectorReply Interpret(InspectorRequest request, int exitCode, byte[] reply, string errors, InspectorLimits bounds)
    {
        if (exitCode == 0)
        {
            try
            {
                return GridJson.Parse<InspectorReply>(reply);
            }
            catch (JsonException problem)
            {
                throw new GridException(ErrorCodes.Internal, "The inspector's reply cannot be read.", inner: problem);
            }
        }
        if (errors.Contains("Out of memory", StringComparison.OrdinalIgnoreCase) || errors.Contains("OutOfMemory", StringComparison.Ordinal))
        {
            throw new GridException(ErrorCodes.TooLarge,
                $"Reading the files needs more than {bounds.HeapBytes >> 20} MB; they are damaged, hostile, or have row groups that are too large. Write smaller row groups.", FieldOf(request));
        }
        var last = errors.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).FirstOrDefault() ?? "no message";
        throw new GridException(CodeOf(request), $"The files made their reader die (exit {exitCode}: {last}); they are damaged or hostile.", FieldOf(request));
    }

    private static string CodeOf(InspectorRequest request) => request switch
    {
        { InspectModel: not null } => ErrorCodes.InvalidModel,
        { InspectAdapter: not null } => ErrorCodes.InvalidAdapter,
        { TokenizeText: not null } or { Detokenize: not null } => ErrorCodes.InvalidTokenizer,
        _ => ErrorCodes.InvalidDataset,
    };

    private static string FieldOf(InspectorRequest request) => request switch
    {
        { TokenizeDataset: not null } => "data.train",
        { TokenizeText: not null } or { Detokenize: not null } => "model",
        _ => "files",
    };

    private static void Kill(Process process)
    {
        try
        {
            if (!process.HasExited)
                process.Kill(entireProcessTree: true);
        }
        catch (Exception problem) when (problem is InvalidOperationException or Win32Exception)
        {
            // It ended by itself meanwhile.
        }
    }
}
