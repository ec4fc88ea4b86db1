using Orleans.Runtime;

namespace Orleans
{
    /// <summary>The activation is not collected for being idle.</summary>
    [AttributeUsage(AttributeTargets.Class, AllowMultiple = false)]
    public class KeepAliveAttribute : Attribute;

    /// <summary>Names the grain type explicitly instead of by convention.</summary>
    [AttributeUsage(AttributeTargets.Class, AllowMultiple = false)]
    public sealed class GrainTypeAttribute(string grainType) : Attribute
    {
        private readonly GrainType _grainType = GrainType.Create(grainType);

        public GrainType GetGrainType(IServiceProvider services, Type type) => _grainType;
    }

    /// <summary>How long an activation of this class may be idle before it is collected.</summary>
    [AttributeUsage(AttributeTargets.Class, AllowMultiple = false)]
    public class CollectionAgeLimitAttribute : Attribute
    {
        public static readonly TimeSpan MinAgeLimit = TimeSpan.FromMinutes(1);

        private readonly TimeSpan? _inactivityPeriod;

        public CollectionAgeLimitAttribute()
        {
        }

        public CollectionAgeLimitAttribute(string inactivityPeriod) =>
            _inactivityPeriod = TimeSpan.Parse(inactivityPeriod, System.Globalization.CultureInfo.InvariantCulture);

        public double Days { get; set; }

        public double Hours { get; set; }

        public double Minutes { get; set; }

        public bool AlwaysActive { get; set; }

        public TimeSpan AgeLimit => AlwaysActive
            ? TimeSpan.MaxValue
            : _inactivityPeriod ?? TimeSpan.FromDays(Days) + TimeSpan.FromHours(Hours) + TimeSpan.FromMinutes(Minutes);
    }
}

namespace Orleans.Metadata
{
    /// <summary>Names the grain type that a grain interface means when several classes implement it.</summary>
    [AttributeUsage(AttributeTargets.Interface, AllowMultiple = false)]
    public sealed class DefaultGrainTypeAttribute(string grainType) : Attribute
    {
        internal GrainType GrainType { get; } = GrainType.Create(grainType);
    }
}

namespace Orleans.Providers
{
    /// <summary>Names the storage provider of a <see cref="Grain{TGrainState}"/>.</summary>
    [AttributeUsage(AttributeTargets.Class)]
    public sealed class StorageProviderAttribute : Attribute
    {
        public string ProviderName { get; set; } = ProviderConstants.DEFAULT_STORAGE_PROVIDER_NAME;
    }

    public static class ProviderConstants
    {
        public const string DEFAULT_STORAGE_PROVIDER_NAME = "Default";
    }
}
