namespace Orleans.Serialization.Cloning;

/// <summary>Copies values for calls that stay in one process.</summary>
public interface IDeepCopier
{
    object? DeepCopy(object? input, CopyContext context);
}

/// <summary>A copier that may say that its values need no copy.</summary>
public interface IOptionalDeepCopier : IDeepCopier
{
    bool IsShallowCopyable();
}

/// <summary>Copies values of several types. The first one registered that supports a type copies it, before any JSON serializer.</summary>
public interface IGeneralizedCopier : IDeepCopier
{
    bool IsSupportedType(Type type);
}

/// <summary>One copy under way. The subset keeps nothing in it: a value that is met twice is copied twice.</summary>
public sealed class CopyContext
{
    internal static readonly CopyContext Empty = new();

    private CopyContext()
    {
    }
}
