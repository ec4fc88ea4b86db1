using System.Runtime.InteropServices;

namespace TorchSharp;

/// <summary>A number on its way into libtorch. Holds no native memory here; disposable because the package's is.</summary>
public sealed class Scalar : IDisposable
{
    private Scalar(ScalarValue value) => Value = value;

    internal ScalarValue Value { get; }

    public static implicit operator Scalar(byte value) => new(ScalarValue.Of((long)value));
    public static implicit operator Scalar(sbyte value) => new(ScalarValue.Of((long)value));
    public static implicit operator Scalar(short value) => new(ScalarValue.Of((long)value));
    public static implicit operator Scalar(int value) => new(ScalarValue.Of((long)value));
    public static implicit operator Scalar(long value) => new(ScalarValue.Of(value));
    public static implicit operator Scalar(float value) => new(ScalarValue.Of((double)value));
    public static implicit operator Scalar(double value) => new(ScalarValue.Of(value));
    public static implicit operator Scalar(bool value) => new(new ScalarValue(2, value ? 1 : 0, 0));

    public void Dispose()
    {
        // Nothing native to free.
    }
}

/// <summary>Layout shared with the shim's <c>GtScalar</c>. Kind: 0 integer, 1 floating point, 2 boolean.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly struct ScalarValue(int kind, long integer, double real)
{
    public readonly int Kind = kind;
    public readonly long Integer = integer;
    public readonly double Real = real;

    internal static ScalarValue One => Of(1L);

    internal static ScalarValue Of(long value) => new(0, value, 0);

    internal static ScalarValue Of(double value) => new(1, 0, value);
}
