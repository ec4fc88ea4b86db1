namespace Orleans.Serialization;

/// <summary>Turns any collection with one of the common interfaces into the usual class for it.</summary>
internal abstract class CollectionFallback
{
    private static readonly Dictionary<Type, Type> Fallbacks = new()
    {
        [typeof(IEnumerable<>)] = typeof(ListFallback<>),
        [typeof(IReadOnlyCollection<>)] = typeof(ListFallback<>),
        [typeof(IReadOnlyList<>)] = typeof(ListFallback<>),
        [typeof(ICollection<>)] = typeof(ListFallback<>),
        [typeof(IList<>)] = typeof(ListFallback<>),
        [typeof(ISet<>)] = typeof(SetFallback<>),
        [typeof(IReadOnlySet<>)] = typeof(SetFallback<>),
        [typeof(IDictionary<,>)] = typeof(DictionaryFallback<,>),
        [typeof(IReadOnlyDictionary<,>)] = typeof(DictionaryFallback<,>),
    };

    /// <summary>The fallback of a declared type; null where it is not one of the interfaces.</summary>
    public static CollectionFallback? For(Type declared) =>
        declared.IsConstructedGenericType && Fallbacks.TryGetValue(declared.GetGenericTypeDefinition(), out var fallback)
            ? (CollectionFallback)Activator.CreateInstance(fallback.MakeGenericType(declared.GetGenericArguments()))!
            : null;

    public abstract object Convert(object value);

    private sealed class ListFallback<T> : CollectionFallback
    {
        public override object Convert(object value) => new List<T>((IEnumerable<T>)value);
    }

    private sealed class SetFallback<T> : CollectionFallback
    {
        public override object Convert(object value) => new HashSet<T>((IEnumerable<T>)value);
    }

    private sealed class DictionaryFallback<TKey, TValue> : CollectionFallback
        where TKey : notnull
    {
        public override object Convert(object value) => new Dictionary<TKey, TValue>((IEnumerable<KeyValuePair<TKey, TValue>>)value);
    }
}
