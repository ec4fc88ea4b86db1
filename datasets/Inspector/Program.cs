using System.Text.Json;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Inspector;

// One request on standard input (or in the file that the first argument names), one reply on standard output.
const int MaximumRequestBytes = 64 << 20;

using var output = Console.OpenStandardOutput();
InspectorReply reply;
try
{
    reply = await Verbs.RunAsync(Read(args));
}
catch (GridException problem)
{
    reply = new InspectorReply(problem.ToError());
}
catch (OutOfMemoryException)
{
    reply = new InspectorReply(new GridError(ErrorCodes.TooLarge,
        "Reading the files needs more memory than they are allowed; they are damaged, hostile, or have row groups that are too large. Write smaller row groups."));
}
output.Write(GridJson.ToBytes(reply));
return 0;

static InspectorRequest Read(string[] args)
{
    using var input = args.Length > 0 ? File.OpenRead(args[0]) : Console.OpenStandardInput();
    using var content = new MemoryStream();
    var buffer = new byte[1 << 16];
    while (input.Read(buffer) is var count and > 0)
    {
        if (content.Length + count > MaximumRequestBytes)
            throw new GridException(ErrorCodes.TooLarge, $"The inspection request is longer than {MaximumRequestBytes} bytes.");
        content.Write(buffer, 0, count);
    }
    try
    {
        return GridJson.Parse<InspectorRequest>(content.GetBuffer().AsSpan(0, (int)content.Length));
    }
    catch (JsonException problem)
    {
        throw new GridException(ErrorCodes.InvalidRequest, $"The inspection request cannot be read: {problem.Message}", inner: problem);
    }
}
