namespace FineTuneGrid.Gateway.Jobs;

/// <summary>A response that lasts as long as a job. It does not hold up the server's own end.</summary>
internal static class LiveResponse
{
    /// <summary>Writes until done, until the reader has gone or until the server stops. A cut connection tells the reader that there is more to come.</summary>
    public static async Task RunAsync(HttpContext context, Func<CancellationToken, Task> write)
    {
        var stopping = context.RequestServices.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping;
        using var end = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, stopping);
        try
        {
            await write(end.Token);
        }
        catch (OperationCanceledException) when (end.IsCancellationRequested)
        {
            context.Abort();
        }
    }
}
