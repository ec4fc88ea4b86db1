namespace FineTuneGrid.Chaos;

/// <summary>Waits at the blob storage's door for one request, and holds it until it is decided what becomes of it.</summary>
/// <param name="fits">Asked for every request in the order of their arrival, until it says yes once; it may keep a state.</param>
/// <param name="halfway">The storage has got the head and half of the body when the request is held, instead of nothing.</param>
internal sealed class Trap(Func<StoreRequest, bool> fits, bool halfway = false)
{
    private readonly TaskCompletionSource<StoreRequest> _caught = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<bool> _released = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public bool Halfway => halfway;

    /// <summary>Ends when the request is there.</summary>
    public Task<StoreRequest> Caught => _caught.Task;

    /// <summary>Whether the request goes on; false: its connection is cut.</summary>
    public Task<bool> Released => _released.Task;

    public bool Takes(StoreRequest request)
    {
        if (_caught.Task.IsCompleted || !fits(request)) return false;
        _caught.SetResult(request);
        return true;
    }

    /// <param name="pass">The request arrives late, whoever sent it; false: it never does.</param>
    public void Release(bool pass) => _released.TrySetResult(pass);
}
