using System.Globalization;
using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Jobs;

namespace FineTuneGrid.Client;

/// <summary>Fine-tuning jobs.</summary>
public sealed class JobsClient
{
    private const string Root = "api/v1/jobs";
    private const int SubmitAttempts = 4;
    private const int Reconnects = 60;
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    private readonly GridTransport _transport;

    internal JobsClient(GridTransport transport) => _transport = transport;

    /// <summary>Submits a job. A lost answer is asked for again under the same key, so that one call is one job.</summary>
    /// <param name="idempotencyKey">Null makes one; give one of yours to stay one job over several calls.</param>
    public async Task<JobView> SubmitAsync(JobRequest job, string? idempotencyKey = null, CancellationToken ct = default)
    {
        idempotencyKey ??= Guid.NewGuid().ToString("N");
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return await _transport.PostAsync<JobView>(Root, job, ct, idempotencyKey);
            }
            catch (HttpRequestException) when (attempt < SubmitAttempts)
            {
                await Task.Delay(Pause, ct);
            }
        }
    }

    /// <summary>What the job would resolve to: steps, trained parameters, memory, estimated time. Nothing is submitted.</summary>
    public Task<ResolvedJob> ResolveAsync(JobRequest job, CancellationToken ct = default) => _transport.PostAsync<ResolvedJob>($"{Root}?dry_run=true", job, ct);

    public Task<JobView> GetAsync(string id, CancellationToken ct = default) => _transport.GetAsync<JobView>(Of(id), ct);

    /// <summary>All jobs that the key can see, newest first.</summary>
    public IAsyncEnumerable<JobView> ListAsync(CancellationToken ct = default) => _transport.ListAsync<JobView>(Root, ct);

    /// <summary>Each committed step once, oldest first.</summary>
    public IAsyncEnumerable<StepMetrics> MetricsAsync(string id, CancellationToken ct = default) => _transport.ListAsync<StepMetrics>(Of(id) + "/metrics", ct);

    public Task<JobView> CancelAsync(string id, CancellationToken ct = default) => _transport.PostAsync<JobView>(Of(id) + "/cancel", null, ct);

    public Task<JobView> PauseAsync(string id, CancellationToken ct = default) => _transport.PostAsync<JobView>(Of(id) + "/pause", null, ct);

    public Task<JobView> ResumeAsync(string id, CancellationToken ct = default) => _transport.PostAsync<JobView>(Of(id) + "/resume", null, ct);

    /// <summary>Deletes a job that is over.</summary>
    public Task DeleteAsync(string id, CancellationToken ct = default) => _transport.DeleteAsync(Of(id), ct);

    /// <summary>The job's events until it is over, as they happen; a lost connection goes on at the event where it was lost.</summary>
    /// <param name="after">Only events with higher numbers.</param>
    public async IAsyncEnumerable<JobEvent> EventsAsync(string id, long after = 0, [EnumeratorCancellation] CancellationToken ct = default)
    {
        for (var attempt = 0; attempt < Reconnects; attempt++)
        {
            if (attempt > 0) await Task.Delay(Pause, ct);
            await using var stream = new Connection(_transport, Of(id), after);
            while (await stream.NextAsync(ct) is { } e)
            {
                (attempt, after) = (0, e.Seq);
                yield return e;
            }
            if (stream.Ended && (await GetAsync(id, ct)).Status.IsTerminal()) yield break;
        }
        throw new HttpRequestException($"the events of {id} could not be taken up again after {after}; the job goes on");
    }

    /// <summary>Returns when the job is over.</summary>
    public async Task<JobView> WaitAsync(string id, CancellationToken ct = default)
    {
        await foreach (var _ in EventsAsync(id, 0, ct))
        {
            // Only the end counts.
        }
        return await GetAsync(id, ct);
    }

    private static string Of(string id) => $"{Root}/{Uri.EscapeDataString(id)}";

    private sealed class Connection(GridTransport transport, string job, long after) : IAsyncDisposable
    {
        private HttpResponseMessage? _response;
        private IAsyncEnumerator<SseItem<string>>? _items;

        /// <summary>The grid ended the stream itself.</summary>
        public bool Ended { get; private set; }

        /// <summary>Null where the connection is gone or the stream has ended.</summary>
        public async Task<JobEvent?> NextAsync(CancellationToken ct)
        {
            try
            {
                _items ??= await OpenAsync(ct);
                if (await _items.MoveNextAsync()) return GridJson.Parse<JobEvent>(_items.Current.Data);
                Ended = true;
                return null;
            }
            catch (Exception e) when (e is IOException or HttpRequestException or GridException { Code: ErrorCodes.Unavailable })
            {
                return null;
            }
        }

        public async ValueTask DisposeAsync()
        {
            if (_items is not null) await _items.DisposeAsync();
            _response?.Dispose();
        }

        private async Task<IAsyncEnumerator<SseItem<string>>> OpenAsync(CancellationToken ct)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, job + "/events/stream");
            if (after > 0) request.Headers.Add("Last-Event-ID", after.ToString(CultureInfo.InvariantCulture));
            _response = await transport.SendAsync(request, ct);
            return SseParser.Create(await _response.Content.ReadAsStreamAsync(ct)).EnumerateAsync(ct).GetAsyncEnumerator(ct);
        }
    }
}
