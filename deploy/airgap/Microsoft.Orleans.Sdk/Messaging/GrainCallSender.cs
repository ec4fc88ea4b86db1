using Orleans.Configuration;
using Orleans.Serialization;
using Orleans.Serialization.Invocation;

namespace Orleans.Runtime;

/// <summary>Turns a call on a reference into a message: copies the arguments, runs the outgoing filters, registers the wait.</summary>
internal sealed class GrainCallSender(
    IRuntimeClient runtime,
    PendingCalls pending,
    ValueCodecs codecs,
    MessagingOptions options,
    IEnumerable<IOutgoingGrainCallFilter> filters,
    GrainId clientId)
{
    private readonly IOutgoingGrainCallFilter[] _filters = [.. filters];
    private long _lastId;

    private GrainId ClientId => clientId;

    /// <summary>Returns what the proxied method returns.</summary>
    public object Call(GrainReference target, GrainMethod method, object?[] arguments)
    {
        var token = method.CancellationIndex < 0 ? default : (CancellationToken)arguments[method.CancellationIndex]!;
        var request = new GrainRequest(method, CopyArguments(method, arguments)) { CallerToken = token };
        var completion = method.Returns();
        if (_filters.Length == 0)
            Send(target, request, completion);
        else
            _ = new OutgoingCall(this, target, request, completion).RunAsync();
        return completion.Returned;
    }

    private object?[] CopyArguments(GrainMethod method, object?[] arguments)
    {
        var copies = new object?[arguments.Length];
        for (var i = 0; i < arguments.Length; i++)
            copies[i] = method.ImmutableParameters[i] ? arguments[i] : codecs.Member(method.Parameters[i]).Copy(arguments[i]);
        return copies;
    }

    private void Send(GrainReference target, GrainRequest request, CallCompletion completion)
    {
        request.CallerToken.ThrowIfCancellationRequested();
        var timeout = request.Method.ResponseTimeout ?? options.ResponseTimeout;
        var oneWay = (request.Options & CodeGeneration.InvokeMethodOptions.OneWay) != 0;
        var message = new Message
        {
            Id = Interlocked.Increment(ref _lastId),
            Sender = RuntimeContext.Current?.GrainId ?? clientId,
            Target = target.GrainId,
            InterfaceType = target.InterfaceType,
            Request = request,
            Options = request.Options,
            Context = RequestContext.Export(),
            Sink = oneWay ? null : pending,
            TimeToLive = options.DropExpiredMessages ? timeout : Timeout.InfiniteTimeSpan,
        };
        if (oneWay)
            completion.Complete(Response.Completed);
        else
            pending.Add(message, completion, timeout, request.CallerToken);
        runtime.Send(message);
    }

    /// <summary>One call on its way through the outgoing filters.</summary>
    private sealed class OutgoingCall(
        GrainCallSender sender, GrainReference target, GrainRequest request, CallCompletion completion) : IOutgoingGrainCallContext
    {
        private int _stage;

        public IInvokable Request => request;

        public object Grain => target;

        public GrainId? SourceId => SourceContext?.GrainId ?? sender.ClientId;

        public GrainId TargetId => target.GrainId;

        public GrainInterfaceType InterfaceType => target.InterfaceType;

        public string InterfaceName => request.GetInterfaceName();

        public string MethodName => request.GetMethodName();

        public System.Reflection.MethodInfo InterfaceMethod => request.GetMethod();

        public IGrainContext? SourceContext { get; } = RuntimeContext.Current;

        public Response? Response { get; set; }

        public object? Result
        {
            get => Response is { Exception: null } response ? response.Result : null;
            set => Response = Response.FromResult(value);
        }

        public async Task RunAsync()
        {
            try
            {
                await Invoke();
                completion.Complete(Response!);
            }
            catch (Exception exception)
            {
                completion.Complete(Response.FromException(exception));
            }
        }

        public async Task Invoke()
        {
            if (_stage > sender._filters.Length)
                throw new InvalidOperationException("The call has already been made.");
            if (_stage < sender._filters.Length)
            {
                var filter = sender._filters[_stage++];
                await filter.Invoke(this);
                _stage--;
                if (Response is null)
                    throw new InvalidOperationException($"The call filter {filter.GetType().Name} neither went on nor set a result.");
                return;
            }

            var inner = new ResponseCompletion();
            sender.Send(target, request, inner);
            Response = await inner.Task;
            if (Response.Exception is { } exception)
                System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(exception);
        }
    }

    /// <summary>Completes with the response itself, so that filters see it before the caller.</summary>
    private sealed class ResponseCompletion : CallCompletion
    {
        private readonly TaskCompletionSource<Response> _source = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task<Response> Task => _source.Task;

        public override object Returned => _source.Task;

        public override void Complete(Response response) => _source.TrySetResult(response);
    }
}
