namespace Parquet.Schema;

/// <summary>
/// A column. Strings are <see cref="ReadOnlyMemory{T}"/> of char and byte arrays <see cref="ReadOnlyMemory{T}"/> of byte as
/// <see cref="ClrType"/>; both may be given as string and byte[] when a field is made.
/// </summary>
public class DataField : Field
{
    private static readonly HashSet<Type> Supported =
    [
        typeof(bool), typeof(byte), typeof(sbyte), typeof(short), typeof(ushort), typeof(int), typeof(uint), typeof(long), typeof(ulong),
        typeof(float), typeof(double), typeof(decimal), typeof(DateTime), typeof(DateOnly), typeof(Guid),
        typeof(ReadOnlyMemory<byte>), typeof(ReadOnlyMemory<char>),
    ];

    private bool _isNullable;

    public DataField(string name, Type clrType, bool? isNullable = null, bool? isArray = null, string? propertyName = null)
        : base(name, SchemaType.Data)
    {
        Type element = Element(clrType, out bool array);
        Type? inner = Nullable.GetUnderlyingType(element);
        ClrType = Physical(inner ?? element);
        if (!Supported.Contains(ClrType)) throw new NotSupportedException($"type {clrType} is not supported");
        IsNullable = isNullable ?? (inner is not null || element.IsClass);
        IsArray = isArray ?? array;
        ClrPropName = propertyName ?? name;
    }

    public Type ClrType { get; }

    /// <summary><see cref="ClrType"/>, or its nullable form where nulls are possible.</summary>
    public Type ClrNullableIfHasNullsType { get; set; } = typeof(void);

    public override bool IsNullable
    {
        get => _isNullable;
        internal set
        {
            _isNullable = value;
            ClrNullableIfHasNullsType = value ? typeof(Nullable<>).MakeGenericType(ClrType) : ClrType;
        }
    }

    /// <summary>A column that repeats by itself, without a list around it.</summary>
    public bool IsArray { get; internal set; }

    internal string ClrPropName { get; }

    internal bool IsAttached { get; private set; }

    public override string ToString() => $"{Path} ({ClrType}{(_isNullable ? "?" : "")}{(IsArray ? "[]" : "")})";

    public override bool Equals(object? obj) =>
        obj is DataField other && base.Equals(obj) && Comparable(ClrType) == Comparable(other.ClrType)
        && IsNullable == other.IsNullable && IsArray == other.IsArray;

    public override int GetHashCode() => base.GetHashCode();

    private protected override void Attached() => IsAttached = true;

    private protected override (int Repetition, int Definition) OwnLevels() => IsArray ? (1, 1) : (0, IsNullable ? 1 : 0);

    internal void MarkAttached() => Attached();

    internal void EnsureAttached(string argument)
    {
        if (!IsAttached) throw new ArgumentException($"Field [{this}] is not attached to any schema. Construct a schema with it first.", argument);
    }

    private static Type Comparable(Type type) => type == typeof(DateOnly) ? typeof(DateTime) : type;

    private static Type Physical(Type type) =>
        type == typeof(string) ? typeof(ReadOnlyMemory<char>)
        : type == typeof(byte[]) ? typeof(ReadOnlyMemory<byte>)
        : type;

    private static Type Element(Type type, out bool isArray)
    {
        isArray = false;
        if (type == typeof(string) || type == typeof(byte[])) return type; // enumerable, but values
        Type? item = type.IsArray ? type.GetElementType()
            : type.IsGenericType && type.GetInterfaces().Append(type).Any(IsEnumerable) ? type.GetGenericArguments()[0]
            : null;
        isArray = item is not null;
        return item ?? type;
    }

    private static bool IsEnumerable(Type type) => type.IsGenericType && type.GetGenericTypeDefinition() == typeof(IEnumerable<>);
}
