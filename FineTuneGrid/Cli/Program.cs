return await FineTuneGrid.Cli.CliApp.RunAsync(args, Console.Out, Console.Error);
