using System.Globalization;
using Microsoft.Extensions.Hosting;
using Orleans;

namespace FineTuneGrid.Orleans.Tests.Support;

/// <summary>What this assembly does when a test starts it as a process of its own: a silo, or a client that makes a few calls.</summary>
public static class Program
{
    public static async Task<int> Main(string[] args)
    {
        var port = int.Parse(args[1], CultureInfo.InvariantCulture);
        switch (args[0])
        {
            case "silo":
                await using (await TestSilo.StartAsync(null, port))
                {
                    Console.WriteLine("ready");
                    await Console.In.ReadLineAsync();
                }

                return 0;
            case "client":
                using (var client = await TestSilo.StartClientAsync(port))
                {
                    var grain = TestSilo.ClientOf(client).GetGrain<IValueGrain>("from-process");
                    var kept = await grain.Keep(new Spec("spec", [1, 2, 3]));
                    Console.WriteLine($"{kept.Name} {kept.Sizes.Sum()} {await grain.KeyOf(grain)}");
                    await client.StopAsync();
                }

                return 0;
            default:
                return 2;
        }
    }
}
