namespace Orleans
{
    /// <summary>Marks attributes that say how a constructor parameter of a grain is made.</summary>
    public interface IFacetMetadata;
}

namespace Orleans.Runtime
{
    /// <summary>A named durable state of a grain, read before the grain is activated.</summary>
    public interface IPersistentState<TState> : Core.IStorage<TState>;

    /// <summary>Which state, in which storage.</summary>
    public interface IPersistentStateConfiguration
    {
        string StateName { get; }

        string? StorageName { get; }
    }

    /// <summary>Puts a durable state into a constructor parameter of type <see cref="IPersistentState{TState}"/>.</summary>
    [AttributeUsage(AttributeTargets.Parameter)]
    public class PersistentStateAttribute(string stateName, string? storageName = null)
        : Attribute, IFacetMetadata, IPersistentStateConfiguration
    {
        public string StateName { get; } = stateName ?? throw new ArgumentNullException(nameof(stateName));

        public string? StorageName { get; } = storageName;
    }

    /// <summary>Makes durable states.</summary>
    public interface IPersistentStateFactory
    {
        IPersistentState<TState> Create<TState>(IGrainContext context, IPersistentStateConfiguration config);
    }
}
