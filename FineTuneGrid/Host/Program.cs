using FineTuneGrid.Contracts;
using FineTuneGrid.Host;
using FineTuneGrid.Telemetry;
using Microsoft.AspNetCore.Connections;

if (args.Contains("--help") || args.Contains("-h"))
{
    Console.WriteLine($"{HostOptions.Usage}\n\n{MaintenanceCommand.Usage}");
    return 0;
}
try
{
    if (MaintenanceCommand.IsOne(args)) return await MaintenanceCommand.Parse(args).RunAsync();
    var options = HostOptions.Parse(args);
    if (options.IssueToken is { } node)
    {
        Console.WriteLine(await NodeHost.IssueTokenAsync(options.Data, node));
        return 0;
    }
    using var export = OtlpExport.Start(HostLogging.Service(options), HostLogging.Instance(options));
    if (options.IsControl) await ControlHost.RunAsync(options);
    else await NodeHost.RunAsync(options);
    return 0;
}
catch (GridException e)
{
    Console.Error.WriteLine($"error: {e.Message}");
    return 2;
}
catch (IOException e) when (e.InnerException is AddressInUseException)
{
    Console.Error.WriteLine($"error: {e.Message} Choose another port with --port.");
    return 2;
}
catch (UnauthorizedAccessException e)
{
    Console.Error.WriteLine($"error: {e.Message}");
    return 2;
}
