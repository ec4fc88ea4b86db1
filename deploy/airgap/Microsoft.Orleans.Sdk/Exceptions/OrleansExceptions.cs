namespace Orleans.Runtime
{
    /// <summary>Base of the exceptions that the runtime raises.</summary>
    [GenerateSerializer]
    public class OrleansException : Exception
    {
        public OrleansException() : base("Unexpected error.")
        {
        }

        public OrleansException(string message) : base(message)
        {
        }

        public OrleansException(string message, Exception? innerException) : base(message, innerException)
        {
        }
    }

    /// <summary>The host is configured in a way that cannot work.</summary>
    [GenerateSerializer]
    public sealed class OrleansConfigurationException : Exception
    {
        public OrleansConfigurationException(string message) : base(message)
        {
        }

        public OrleansConfigurationException(string message, Exception innerException) : base(message, innerException)
        {
        }
    }

    /// <summary>The message was refused before a grain saw it.</summary>
    [GenerateSerializer]
    public class OrleansMessageRejectionException : OrleansException
    {
        internal OrleansMessageRejectionException(string message) : base(message)
        {
        }

        internal OrleansMessageRejectionException(string message, Exception? innerException) : base(message, innerException)
        {
        }
    }

    /// <summary>The silo went away before it answered: the outcome of the call is unknown.</summary>
    [GenerateSerializer]
    public sealed class SiloUnavailableException : OrleansMessageRejectionException
    {
        public SiloUnavailableException() : base("Silo unavailable.")
        {
        }

        public SiloUnavailableException(string msg) : base(msg)
        {
        }

        public SiloUnavailableException(string message, Exception innerException) : base(message, innerException)
        {
        }
    }

    /// <summary>The gateway sheds load.</summary>
    [GenerateSerializer]
    public sealed class GatewayTooBusyException : OrleansException
    {
        public GatewayTooBusyException() : base("Gateway too busy.")
        {
        }

        public GatewayTooBusyException(string message) : base(message)
        {
        }

        public GatewayTooBusyException(string message, Exception innerException) : base(message, innerException)
        {
        }
    }

    /// <summary>Starting or stopping was abandoned because its token was cancelled.</summary>
    [GenerateSerializer]
    public sealed class OrleansLifecycleCanceledException : OrleansException
    {
        internal OrleansLifecycleCanceledException(string message) : base(message)
        {
        }
    }
}

namespace Orleans.Runtime.Messaging
{
    /// <summary>No connection to a gateway could be made.</summary>
    public class ConnectionFailedException : OrleansException
    {
        public ConnectionFailedException() : base("The connection failed.")
        {
        }

        public ConnectionFailedException(string message) : base(message)
        {
        }

        public ConnectionFailedException(string message, Exception innerException) : base(message, innerException)
        {
        }
    }
}

namespace Orleans
{
    /// <summary>Checks options before the host starts.</summary>
    public interface IConfigurationValidator
    {
        /// <exception cref="Runtime.OrleansConfigurationException">The configuration cannot work.</exception>
        void ValidateConfiguration();
    }
}

namespace Orleans.Serialization
{
    /// <summary>A value could not be written or read.</summary>
    [GenerateSerializer]
    public class SerializerException : Exception
    {
        public SerializerException()
        {
        }

        public SerializerException(string message) : base(message)
        {
        }

        public SerializerException(string message, Exception? innerException) : base(message, innerException)
        {
        }
    }

    /// <summary>No serializer is registered for a type.</summary>
    [GenerateSerializer]
    public sealed class CodecNotFoundException(string message) : SerializerException(message);
}
