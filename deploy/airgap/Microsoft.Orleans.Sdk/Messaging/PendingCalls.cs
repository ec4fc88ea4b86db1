using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Orleans.Configuration;
using Orleans.Serialization.Invocation;

namespace Orleans.Runtime;

/// <summary>The calls that wait for a response, with their timeouts and cancellation.</summary>
internal sealed class PendingCalls : IResponseSink, IDisposable
{
    private static readonly TimeSpan MaxScanPeriod = TimeSpan.FromMilliseconds(250);

    private readonly ConcurrentDictionary<long, PendingCall> _calls = new();
    private readonly MessagingOptions _options;
    private readonly ILogger _logger;
    private readonly Action<Message> _signalCancellation;
    private readonly ITimer _timer;
    private volatile bool _stopped;

    public PendingCalls(MessagingOptions options, TimeProvider time, ILogger logger, Action<Message> signalCancellation)
    {
        _options = options;
        _logger = logger;
        _signalCancellation = signalCancellation;
        var period = options.ResponseTimeout < MaxScanPeriod * 4 ? options.ResponseTimeout / 4 : MaxScanPeriod;
        using (FlowSuppressor.Suppress())
            _timer = time.CreateTimer(_ => ExpireDue(), null, period, period);
    }

    public int Count => _calls.Count;

    public void Add(Message message, CallCompletion completion, TimeSpan timeout, CancellationToken cancellationToken)
    {
        var call = new PendingCall(message, completion, timeout);
        _calls[message.Id] = call;
        if (_stopped)
            Fail(message.Id, new SiloUnavailableException($"The local host is shutting down and cannot process {message}."));
        else if (cancellationToken.CanBeCanceled)
            call.Registration = cancellationToken.UnsafeRegister((_, token) => Cancel(message, token), null);
    }

    public void Receive(Message request, Response response) => Complete(request.Id, response);

    public bool Complete(long id, Response response)
    {
        if (!_calls.TryRemove(id, out var call))
            return false;
        call.Registration.Dispose();
        call.Completion.Complete(response);
        return true;
    }

    public void Fail(long id, Exception exception) => Complete(id, Response.FromException(exception));

    /// <summary>Fails the calls that match, for instance those that went over a lost connection.</summary>
    public void FailAll(Func<Message, bool> matches, Func<Message, Exception> exception)
    {
        foreach (var call in _calls.Values.Where(call => matches(call.Message)))
            Fail(call.Message.Id, exception(call.Message));
    }

    public PendingCall? Find(long id) => _calls.GetValueOrDefault(id);

    /// <summary>Fails what is pending and everything that comes.</summary>
    public void Stop()
    {
        _stopped = true;
        _timer.Dispose();
        FailAll(static _ => true, static message =>
            new SiloUnavailableException($"The local host is shutting down and cannot process {message}."));
    }

    public void Dispose() => Stop();

    private void Cancel(Message message, CancellationToken token)
    {
        _signalCancellation(message);
        if (!_options.WaitForCancellationAcknowledgement)
            Fail(message.Id, new OperationCanceledException(token));
    }

    private void ExpireDue()
    {
        foreach (var call in _calls.Values.Where(call => call.IsDue))
        {
            RuntimeLog.CallTimedOut(_logger, call.Timeout, call.Message.ToString());
            if (_options.CancelRequestOnTimeout)
                _signalCancellation(call.Message);
            Fail(call.Message.Id, new TimeoutException(
                $"Response did not arrive on time in {call.Timeout} for message: {call.Message}. Its outcome is unknown."));
        }
    }
}

/// <summary>One call that waits.</summary>
internal sealed class PendingCall(Message message, CallCompletion completion, TimeSpan timeout)
{
    private readonly long _due = Environment.TickCount64 + (long)timeout.TotalMilliseconds;

    public Message Message => message;

    public CallCompletion Completion => completion;

    public TimeSpan Timeout => timeout;

    public CancellationTokenRegistration Registration { get; set; }

    public bool IsDue => Environment.TickCount64 >= _due;
}
