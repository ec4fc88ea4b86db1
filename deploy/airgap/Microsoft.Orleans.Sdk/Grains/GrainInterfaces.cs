using Orleans.Runtime;

namespace Orleans.Runtime
{
    /// <summary>Something that can be called by reference.</summary>
    public interface IAddressable;
}

namespace Orleans
{
    /// <summary>Marks grain interfaces.</summary>
    public interface IGrain : IAddressable;

    public interface IGrainWithStringKey : IGrain;

    public interface IGrainWithIntegerKey : IGrain;

    public interface IGrainWithGuidKey : IGrain;
}
