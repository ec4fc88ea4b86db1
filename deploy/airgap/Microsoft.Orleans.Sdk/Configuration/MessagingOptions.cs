using System.Diagnostics;

namespace Orleans.Configuration;

/// <summary>Messaging limits common to silos and clients.</summary>
public abstract class MessagingOptions
{
    private TimeSpan _responseTimeout = TimeSpan.FromSeconds(30);

    /// <summary>How long a caller waits before its call fails with <see cref="TimeoutException"/>. Default: 30 seconds.</summary>
    public TimeSpan ResponseTimeout
    {
        get => Debugger.IsAttached ? ResponseTimeoutWithDebugger : _responseTimeout;
        set => _responseTimeout = value;
    }

    /// <summary>Default: 30 minutes.</summary>
    public TimeSpan ResponseTimeoutWithDebugger { get; set; } = TimeSpan.FromMinutes(30);

    /// <summary>Whether requests whose caller has given up are dropped unseen. Default: true.</summary>
    public bool DropExpiredMessages { get; set; } = true;

    /// <summary>The largest message body in bytes. Default: 100 MiB.</summary>
    public int MaxMessageBodySize { get; set; } = 100 * 1024 * 1024;

    /// <summary>The largest message header in bytes. Default: 10 MiB.</summary>
    public int MaxMessageHeaderSize { get; set; } = 10 * 1024 * 1024;

    /// <summary>Whether a call that timed out is also cancelled at the grain. Default: false.</summary>
    public bool CancelRequestOnTimeout { get; set; }

    /// <summary>Whether a cancelled call waits for the grain to acknowledge. Default: false.</summary>
    public bool WaitForCancellationAcknowledgement { get; set; }
}

/// <summary>Messaging limits of a silo.</summary>
public class SiloMessagingOptions : MessagingOptions;

/// <summary>Messaging limits of a client.</summary>
public class ClientMessagingOptions : MessagingOptions;
