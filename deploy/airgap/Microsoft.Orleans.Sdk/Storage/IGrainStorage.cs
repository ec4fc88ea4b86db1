using Orleans.Runtime;

namespace Orleans.Storage
{
    /// <summary>Keeps the state of grains.</summary>
    public interface IGrainStorage
    {
        /// <summary>Fills in state, ETag and whether a record exists.</summary>
        Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState);

        /// <summary>Writes where the stored ETag is still the one given, and sets the new one.</summary>
        /// <exception cref="InconsistentStateException">Somebody else wrote in between.</exception>
        Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState);

        /// <summary>Removes where the stored ETag is still the one given.</summary>
        /// <exception cref="InconsistentStateException">Somebody else wrote in between.</exception>
        Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState);
    }

    /// <summary>The stored state was changed by somebody else since it was read. Let it escape, and the activation ends.</summary>
    [GenerateSerializer]
    public class InconsistentStateException : OrleansException
    {
        public InconsistentStateException()
        {
        }

        public InconsistentStateException(string message) : base(message)
        {
        }

        public InconsistentStateException(string message, Exception innerException) : base(message, innerException)
        {
        }

        public InconsistentStateException(string errorMsg, string? storedEtag, string? currentEtag, Exception? storageException)
            : base(errorMsg, storageException)
        {
            StoredEtag = storedEtag;
            CurrentEtag = currentEtag;
        }

        public InconsistentStateException(string errorMsg, string? storedEtag, string? currentEtag)
            : this(errorMsg, storedEtag, currentEtag, null)
        {
        }

        [Id(1)]
        public string? StoredEtag { get; private set; }

        [Id(2)]
        public string? CurrentEtag { get; private set; }

        // Whether it comes from the activation that let it escape, rather than from a grain which that one called.
        [Id(0)]
        internal bool IsSourceActivation { get; set; } = true;

        public override string ToString() =>
            $"{base.ToString()} Expected ETag = {CurrentEtag}; received ETag = {StoredEtag}.";
    }

    /// <summary>A grain asks for a storage provider that is not registered.</summary>
    [GenerateSerializer]
    public sealed class BadProviderConfigException : OrleansException
    {
        public BadProviderConfigException()
        {
        }

        public BadProviderConfigException(string msg) : base(msg)
        {
        }

        public BadProviderConfigException(string msg, Exception exc) : base(msg, exc)
        {
        }
    }
}

namespace Orleans
{
    /// <summary>State with its ETag, as storage providers see it.</summary>
    public interface IGrainState<T>
    {
        T State { get; set; }

        string? ETag { get; set; }

        bool RecordExists { get; set; }
    }

    /// <inheritdoc/>
    public sealed class GrainState<T> : IGrainState<T>
    {
        public GrainState()
        {
        }

        public GrainState(T state) : this(state, null)
        {
        }

        public GrainState(T state, string? eTag)
        {
            State = state;
            ETag = eTag;
        }

        public T State { get; set; } = default!;

        public string? ETag { get; set; }

        public bool RecordExists { get; set; }
    }
}

namespace Orleans.Core
{
    /// <summary>Durable state of a grain.</summary>
    public interface IStorage
    {
        string? Etag { get; }

        bool RecordExists { get; }

        Task ClearStateAsync();

        Task ClearStateAsync(CancellationToken cancellationToken);

        Task WriteStateAsync();

        Task WriteStateAsync(CancellationToken cancellationToken);

        Task ReadStateAsync();

        Task ReadStateAsync(CancellationToken cancellationToken);
    }

    /// <inheritdoc/>
    public interface IStorage<TState> : IStorage
    {
        TState State { get; set; }
    }
}
