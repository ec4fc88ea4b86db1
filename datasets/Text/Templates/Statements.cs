using System.Runtime.CompilerServices;

namespace FineTuneGrid.Text.Templates;

internal abstract class Statement
{
    public int Line { get; init; }

    public void Execute(TemplateScope scope)
    {
        RuntimeHelpers.EnsureSufficientExecutionStack();
        scope.Run.Budget.Step();
        try
        {
            Run(scope);
        }
        catch (TemplateException problem) when (problem.Line == 0)
        {
            throw new TemplateException(problem.Message, Line) { Raised = problem.Raised };
        }
    }

    protected abstract void Run(TemplateScope scope);

    protected static void All(List<Statement> body, TemplateScope scope)
    {
        foreach (var statement in body)
            statement.Execute(scope);
    }

    /// <summary>Gives a value to the names of an assignment or loop.</summary>
    protected static void Assign(Expression target, object? value, TemplateScope scope)
    {
        if (target is NameExpression name)
        {
            scope[name.Name] = value;
            return;
        }
        var names = ((ListExpression)target).Items;
        var items = TemplateValues.Items(value);
        if (items.Count != names.Count)
            throw new TemplateException($"{names.Count} names for {items.Count} values");
        for (var i = 0; i < names.Count; i++)
            Assign(names[i], items[i], scope);
    }
}

internal sealed class TextStatement(string text) : Statement
{
    protected override void Run(TemplateScope scope) => scope.Run.Write(text);
}

internal sealed class PrintStatement(Expression value) : Statement
{
    protected override void Run(TemplateScope scope) => scope.Run.Write(TemplateValues.Print(value.Evaluate(scope)));
}

internal sealed class IfStatement(List<(Expression? Condition, List<Statement> Body)> branches) : Statement
{
    protected override void Run(TemplateScope scope)
    {
        foreach (var (condition, body) in branches)
        {
            if (condition is not null && !TemplateValues.IsTrue(condition.Evaluate(scope)))
                continue;
            All(body, scope);
            return;
        }
    }
}

internal sealed class ForStatement(Expression target, Expression iterable, Expression? filter, bool recursive, List<Statement> body, List<Statement> otherwise) : Statement
{
    protected override void Run(TemplateScope scope) => Loop(iterable.Evaluate(scope), scope, 0);

    private void Loop(object? value, TemplateScope scope, int depth)
    {
        var items = TemplateValues.Items(value);
        scope.Run.Budget.Build(items.Count);
        var loop = new TemplateLoop(items, filter is null ? null : item => Chosen(item, scope), depth,
            recursive ? children => scope.Run.Capture(() => Loop(children, scope, depth + 1)) : null);
        while (loop.MoveNext())
        {
            // A body may be empty.
            scope.Run.Budget.Step();
            var inner = scope.Inner();
            inner["loop"] = loop;
            Assign(target, loop.Item, inner);
            try
            {
                All(body, inner);
            }
            catch (LoopSignal signal)
            {
                if (signal.IsBreak)
                    break;
            }
        }
        if (loop.Index < 0)
            All(otherwise, scope.Inner());
    }

    private bool Chosen(object? item, TemplateScope scope)
    {
        scope.Run.Budget.Step();
        var inner = scope.Inner();
        Assign(target, item, inner);
        return TemplateValues.IsTrue(filter!.Evaluate(inner));
    }
}

internal sealed class LoopControlStatement(bool isBreak) : Statement
{
    protected override void Run(TemplateScope scope) => throw new LoopSignal(isBreak);
}

internal sealed class SetStatement(Expression target, Expression value) : Statement
{
    protected override void Run(TemplateScope scope) => Assign(target, value.Evaluate(scope), scope);
}

/// <summary>{% set space.name = value %}: the only assignment that reaches out of a loop.</summary>
internal sealed class SetMemberStatement(string space, string name, Expression value) : Statement
{
    protected override void Run(TemplateScope scope)
    {
        if (scope[space] is not TemplateNamespace members)
            throw new TemplateException($"'{space}' is no namespace, so its attributes cannot be set");
        members.Values[name] = value.Evaluate(scope);
    }
}

/// <summary>{% set name %}...{% endset %} and {% filter name %}...{% endfilter %}.</summary>
internal sealed class CaptureStatement(string? name, Func<Expression, Expression> filters, List<Statement> body) : Statement
{
    protected override void Run(TemplateScope scope)
    {
        var text = scope.Run.Capture(() => All(body, scope.Inner()));
        var value = filters(new ConstantExpression(text)).Evaluate(scope);
        if (name is null)
            scope.Run.Write(TemplateValues.Print(value));
        else
            scope[name] = value;
    }
}

internal sealed class WithStatement(List<(Expression Target, Expression Value)> assignments, List<Statement> body) : Statement
{
    protected override void Run(TemplateScope scope)
    {
        var inner = scope.Inner();
        foreach (var (target, value) in assignments)
            Assign(target, value.Evaluate(scope), inner);
        All(body, inner);
    }
}

internal sealed class MacroStatement(string name, List<(string Name, Expression? Default)> parameters, List<Statement> body) : Statement
{
    protected override void Run(TemplateScope scope) => scope[name] = Function(scope);

    public TemplateFunction Function(TemplateScope scope) => new(name, arguments => Invoke(arguments, scope));

    private string Invoke(CallArguments arguments, TemplateScope scope)
    {
        RuntimeHelpers.EnsureSufficientExecutionStack();
        var inner = scope.Inner();
        for (var i = 0; i < parameters.Count; i++)
        {
            var (parameter, fallback) = parameters[i];
            inner[parameter] = arguments.Has(i, parameter)
                ? arguments.Get(i, parameter)
                : fallback is null ? new Undefined($"parameter '{parameter}'") : fallback.Evaluate(inner);
        }
        if (arguments.Positional.Count > parameters.Count)
            inner["varargs"] = new TemplateTuple(arguments.Positional[parameters.Count..]);
        foreach (var given in arguments.Named.Keys.Where(given => !parameters.Exists(p => p.Name == given) && given != "caller"))
            throw new TemplateException($"macro '{name}' has no parameter '{given}'");
        if (arguments.Named.TryGetValue("caller", out var caller))
            inner["caller"] = caller;
        return scope.Run.Capture(() => All(body, inner));
    }
}

/// <summary>{% call macro() %}...{% endcall %}: the body becomes the macro's <c>caller</c>.</summary>
internal sealed class CallStatement(CallExpression call, MacroStatement body) : Statement
{
    protected override void Run(TemplateScope scope)
    {
        scope.Run.Write(TemplateValues.Print(call.With("caller", body.Function(scope), scope)));
    }
}

/// <summary>{% generation %}: what the model is to learn to write.</summary>
internal sealed class GenerationStatement(List<Statement> body) : Statement
{
    protected override void Run(TemplateScope scope)
    {
        if (!scope.Run.AtRoot)
            throw new TemplateException("{% generation %} within a macro, a filter or a set block has no place in the output; move it out");
        var start = scope.Run.Output.Length;
        All(body, scope.Inner());
        scope.Run.Spans.Add((start, scope.Run.Output.Length));
    }
}
