using System.Text;

namespace FineTuneGrid.Text.Templates;

/// <summary>Python's arithmetic on template values; whole numbers beyond 64 bits are refused.</summary>
internal static class TemplateArithmetic
{
    public static object? Apply(string symbol, object? left, object? right, TemplateBudget budget)
    {
        if ((left as Undefined ?? right as Undefined) is { } undefined)
            throw undefined.Error();
        if (symbol == "+" && Join(left, right, budget) is { } joined)
            return joined;
        if (symbol == "*" && Repeat(left, right, budget) is { } repeated)
            return repeated;
        if (symbol == "%" && left is string format)
            return TemplateFormat.Percent(format, right, budget);
        if (TemplateValues.AsNumber(left) is not { } a || TemplateValues.AsNumber(right) is not { } b)
            throw new TemplateException($"{symbol} is not possible between {TemplateValues.TypeName(left)} and {TemplateValues.TypeName(right)}");
        if (symbol is "/" or "//" or "%" && b == 0)
            throw new TemplateException("division by zero");
        try
        {
            return left is double || right is double || symbol == "/"
                ? Real(symbol, a, b)
                : Whole(symbol, TemplateValues.AsWhole(left), TemplateValues.AsWhole(right));
        }
        catch (OverflowException)
        {
            throw new TemplateException("a whole number beyond 64 bits");
        }
    }

    private static object? Join(object? left, object? right, TemplateBudget budget)
    {
        if (left is string a && right is string b)
        {
            budget.Build((long)a.Length + b.Length);
            return a + b;
        }
        if (left is not List<object?> first || right is not List<object?> second || left is TemplateTuple != right is TemplateTuple)
            return null;
        budget.Build((long)first.Count + second.Count);
        return left is TemplateTuple ? new TemplateTuple([.. first, .. second]) : new List<object?>([.. first, .. second]);
    }

    private static object? Repeat(object? left, object? right, TemplateBudget budget)
    {
        if (right is string or List<object?>)
            (left, right) = (right, left);
        if (left is not (string or List<object?>) || right is not (long or bool))
            return null;
        var times = Math.Max(0, TemplateValues.AsWhole(right));
        var length = left is string text ? text.Length : ((List<object?>)left).Count;
        if (length > 0 && times > TemplateBudget.MaximumText / length)
            budget.Build((long)TemplateBudget.MaximumText + 1);
        budget.Build(length * times);
        if (left is string part)
            return new StringBuilder().Insert(0, part, length == 0 ? 0 : (int)times).ToString();
        List<object?> result = [];
        for (var i = 0L; i < times; i++)
            result.AddRange((List<object?>)left);
        return result;
    }

    private static double Real(string symbol, double a, double b) => symbol switch
    {
        "+" => a + b,
        "-" => a - b,
        "*" => a * b,
        "/" => a / b,
        "//" => Math.Floor(a / b),
        "%" => a - (b * Math.Floor(a / b)),
        _ => Math.Pow(a, b),
    };

    private static object Whole(string symbol, long a, long b) => symbol switch
    {
        "+" => checked(a + b),
        "-" => checked(a - b),
        "*" => checked(a * b),
        "//" => FloorDivide(a, b),
        "%" => a - (b * FloorDivide(a, b)),
        _ => Power(a, b),
    };

    private static long FloorDivide(long a, long b)
    {
        var quotient = checked(a / b);
        return a % b != 0 && (a < 0) != (b < 0) ? quotient - 1 : quotient;
    }

    private static object Power(long a, long b)
    {
        if (b < 0)
            return Math.Pow(a, b);
        if (a is 0 or 1 or -1)
            return b == 0 ? 1L : a == -1 && b % 2 == 0 ? 1L : a;
        if (b > 64)
            throw new OverflowException();
        var result = 1L;
        for (var i = 0L; i < b; i++)
            result = checked(result * a);
        return result;
    }
}
