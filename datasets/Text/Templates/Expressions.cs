using System.Runtime.CompilerServices;

namespace FineTuneGrid.Text.Templates;

internal abstract class Expression
{
    public object? Evaluate(TemplateScope scope)
    {
        RuntimeHelpers.EnsureSufficientExecutionStack();
        scope.Run.Budget.Step();
        return Value(scope);
    }

    protected abstract object? Value(TemplateScope scope);
}

internal sealed class ConstantExpression(object? value) : Expression
{
    public object? Constant { get; } = value;

    protected override object? Value(TemplateScope scope) => Constant;
}

internal sealed class NameExpression(string name) : Expression
{
    public string Name { get; } = name;

    protected override object? Value(TemplateScope scope) => scope[Name];
}

internal sealed class ListExpression(List<Expression> items, bool tuple) : Expression
{
    public List<Expression> Items { get; } = items;

    public bool IsTuple { get; } = tuple;

    protected override object? Value(TemplateScope scope)
    {
        var values = Items.ConvertAll(item => item.Evaluate(scope));
        return IsTuple ? new TemplateTuple(values) : values;
    }
}

internal sealed class DictExpression(List<(Expression Key, Expression Value)> items) : Expression
{
    protected override object? Value(TemplateScope scope)
    {
        var dict = new TemplateDict();
        foreach (var (key, value) in items)
            dict[key.Evaluate(scope) ?? throw new TemplateException("None cannot be a key")] = value.Evaluate(scope);
        return dict;
    }
}

internal sealed class ConditionalExpression(Expression condition, Expression then, Expression? otherwise) : Expression
{
    protected override object? Value(TemplateScope scope) => TemplateValues.IsTrue(condition.Evaluate(scope))
        ? then.Evaluate(scope)
        : otherwise is null ? new Undefined("the inline if without else") : otherwise.Evaluate(scope);
}

internal sealed class LogicalExpression(bool isAnd, Expression left, Expression right) : Expression
{
    protected override object? Value(TemplateScope scope)
    {
        var first = left.Evaluate(scope);
        return TemplateValues.IsTrue(first) == isAnd ? right.Evaluate(scope) : first;
    }
}

internal sealed class NotExpression(Expression inner) : Expression
{
    protected override object? Value(TemplateScope scope) => !TemplateValues.IsTrue(inner.Evaluate(scope));
}

internal sealed class SignExpression(bool negative, Expression inner) : Expression
{
    protected override object? Value(TemplateScope scope) => inner.Evaluate(scope) switch
    {
        double number => (object)(negative ? -number : number),
        long number => negative ? -number : number,
        bool flag => (flag ? 1L : 0L) * (negative ? -1 : 1),
        Undefined undefined => throw undefined.Error(),
        var other => throw new TemplateException($"{TemplateValues.TypeName(other)} has no sign"),
    };
}

internal sealed class BinaryExpression(string symbol, Expression left, Expression right) : Expression
{
    protected override object? Value(TemplateScope scope) =>
        TemplateArithmetic.Apply(symbol, left.Evaluate(scope), right.Evaluate(scope), scope.Run.Budget);
}

internal sealed class ConcatExpression(List<Expression> parts) : Expression
{
    protected override object? Value(TemplateScope scope)
    {
        var texts = parts.ConvertAll(part => TemplateValues.Print(part.Evaluate(scope)));
        scope.Run.Budget.Build(texts.Sum(t => (long)t.Length));
        return string.Concat(texts);
    }
}

/// <summary>A chain such as <c>a &lt; b &lt; c</c>: every neighbouring pair must hold.</summary>
internal sealed class CompareExpression(Expression first, List<(string Symbol, Expression Operand)> rest) : Expression
{
    protected override object? Value(TemplateScope scope)
    {
        var left = first.Evaluate(scope);
        foreach (var (symbol, operand) in rest)
        {
            var right = operand.Evaluate(scope);
            if (!Holds(symbol, left, right))
                return false;
            left = right;
        }
        return true;
    }

    public static bool Holds(string symbol, object? left, object? right) => symbol switch
    {
        "==" => TemplateValues.AreEqual(left, right),
        "!=" => !TemplateValues.AreEqual(left, right),
        "<" => TemplateValues.Compare(left, right) < 0,
        "<=" => TemplateValues.Compare(left, right) <= 0,
        ">" => TemplateValues.Compare(left, right) > 0,
        ">=" => TemplateValues.Compare(left, right) >= 0,
        "in" => TemplateValues.Contains(right, left),
        _ => !TemplateValues.Contains(right, left),
    };
}

internal sealed class AttributeExpression(Expression target, string name) : Expression
{
    protected override object? Value(TemplateScope scope) => TemplateAccess.Attribute(target.Evaluate(scope), name, scope.Run.Budget);
}

internal sealed class ItemExpression(Expression target, Expression key) : Expression
{
    protected override object? Value(TemplateScope scope) =>
        TemplateAccess.Item(target.Evaluate(scope), key.Evaluate(scope), scope.Run.Budget);
}

internal sealed class SliceExpression(Expression target, Expression? start, Expression? stop, Expression? step) : Expression
{
    protected override object? Value(TemplateScope scope) =>
        TemplateAccess.Slice(target.Evaluate(scope), start?.Evaluate(scope), stop?.Evaluate(scope), step?.Evaluate(scope), scope.Run.Budget);
}

/// <summary>Arguments as written; evaluated at each call.</summary>
internal sealed class ArgumentList(List<Expression> positional, List<(string Name, Expression Value)> named)
{
    public static readonly ArgumentList Empty = new([], []);

    public CallArguments Evaluate(string callee, TemplateScope scope)
    {
        Dictionary<string, object?> values = new(StringComparer.Ordinal);
        foreach (var (name, value) in named)
            values[name] = value.Evaluate(scope);
        return new CallArguments(callee, positional.ConvertAll(p => p.Evaluate(scope)), values);
    }
}

internal sealed class CallExpression(Expression target, ArgumentList arguments) : Expression
{
    /// <summary>The call with one more named argument.</summary>
    public object? With(string name, object? value, TemplateScope scope)
    {
        var function = Callee(scope);
        var given = arguments.Evaluate(function.Name, scope);
        given.Named[name] = value;
        return function.Call(given);
    }

    protected override object? Value(TemplateScope scope)
    {
        var function = Callee(scope);
        return function.Call(arguments.Evaluate(function.Name, scope));
    }

    private TemplateFunction Callee(TemplateScope scope) => target.Evaluate(scope) switch
    {
        TemplateFunction function => function,
        TemplateLoop { Call: { } recursion } => recursion,
        Undefined undefined => throw undefined.Error(),
        var other => throw new TemplateException($"a {TemplateValues.TypeName(other)} cannot be called"),
    };
}

internal sealed class FilterExpression(Expression target, string name, ArgumentList arguments) : Expression
{
    protected override object? Value(TemplateScope scope) => TemplateFilters.Apply(name, target.Evaluate(scope), arguments.Evaluate(name, scope), scope.Run.Budget);
}

internal sealed class TestExpression(Expression target, string name, ArgumentList arguments, bool negated) : Expression
{
    protected override object? Value(TemplateScope scope) =>
        TemplateTests.Holds(name, target.Evaluate(scope), arguments.Evaluate(name, scope)) != negated;
}
