using System.Globalization;

namespace FineTuneGrid.Text.Templates;

/// <summary>Reads expressions with Jinja's precedence.</summary>
internal abstract class ExpressionParser(List<TemplateToken> tokens)
{
    // Long chains make deep trees, and every level is a stack frame when evaluated.
    private const int LongestChain = 500;

    // Far above what templates do, far below what a thread's stack holds. A pair of brackets takes two levels.
    private const int DeepestNesting = 200;

    private int _at;
    private int _depth;

    protected TemplateToken Current => tokens[_at];

    protected TemplateToken Next() => tokens[_at < tokens.Count - 1 ? _at++ : _at];

    protected TemplateToken Ahead(int count) => tokens[Math.Min(_at + count, tokens.Count - 1)];

    protected bool Take(TokenKind kind, string value)
    {
        if (!Current.Is(kind, value))
            return false;
        _at++;
        return true;
    }

    protected bool TakeName(string name) => Take(TokenKind.Name, name);

    protected bool TakeOperator(string symbol) => Take(TokenKind.Operator, symbol);

    protected void ExpectOperator(string symbol)
    {
        if (!TakeOperator(symbol))
            throw Unexpected($"'{symbol}'");
    }

    protected string ExpectName() => Current.Kind == TokenKind.Name ? Next().Value : throw Unexpected("a name");

    protected TemplateException Unexpected(string expected) => new($"expected {expected}, found {Current}", Current.Line);

    protected Expression Expression(bool withCondition = true)
    {
        Enter();
        var value = Or();
        for (var length = 0; withCondition && TakeName("if"); length++)
        {
            Limit(length);
            var condition = Or();
            value = new ConditionalExpression(condition, value, TakeName("else") ? Expression() : null);
        }
        _depth--;
        return value;
    }

    /// <summary>An expression, or several with commas between them: a tuple.</summary>
    protected Expression Tuple(bool withCondition = true)
    {
        var first = Expression(withCondition);
        if (!Current.Is(TokenKind.Operator, ","))
            return first;
        List<Expression> items = [first];
        while (TakeOperator(","))
        {
            if (Current.Kind is TokenKind.PrintEnd or TokenKind.BlockEnd || Current.Is(TokenKind.Operator, ")") || Current.Is(TokenKind.Operator, "=") || Current.Is(TokenKind.Name, "in"))
                break;
            items.Add(Expression(withCondition));
        }
        return new ListExpression(items, tuple: true);
    }

    private Expression Or() => Chain(And, () => TakeName("or"), (left, right) => new LogicalExpression(false, left, right));

    private Expression And() => Chain(Not, () => TakeName("and"), (left, right) => new LogicalExpression(true, left, right));

    private Expression Not()
    {
        var count = 0;
        while (TakeName("not"))
            Limit(++count);
        var value = Compare();
        for (; count > 0; count--)
            value = new NotExpression(value);
        return value;
    }

    private Expression Compare()
    {
        var first = Sum();
        List<(string, Expression)> rest = [];
        while (true)
        {
            if (Current.Kind == TokenKind.Operator && Current.Value is "==" or "!=" or "<" or "<=" or ">" or ">=")
            {
                rest.Add((Next().Value, Sum()));
            }
            else if (TakeName("in"))
            {
                rest.Add(("in", Sum()));
            }
            else if (Current.Is(TokenKind.Name, "not") && Ahead(1).Is(TokenKind.Name, "in"))
            {
                Next();
                Next();
                rest.Add(("not in", Sum()));
            }
            else
            {
                return rest.Count == 0 ? first : new CompareExpression(first, rest);
            }
        }
    }

    private Expression Sum() => Operators(Concat, "+", "-");

    private Expression Concat()
    {
        List<Expression> parts = [Product()];
        while (TakeOperator("~"))
            parts.Add(Product());
        return parts.Count == 1 ? parts[0] : new ConcatExpression(parts);
    }

    private Expression Product() => Operators(Power, "*", "/", "//", "%");

    private Expression Power() => Operators(() => Unary(), "**");

    private Expression Operators(Func<Expression> operand, params string[] symbols)
    {
        var left = operand();
        for (var length = 0; Current.Kind == TokenKind.Operator && symbols.Contains(Current.Value); length++)
        {
            Limit(length);
            left = new BinaryExpression(Next().Value, left, operand());
        }
        return left;
    }

    private Expression Chain(Func<Expression> operand, Func<bool> take, Func<Expression, Expression, Expression> join)
    {
        var left = operand();
        for (var length = 0; take(); length++)
        {
            Limit(length);
            left = join(left, operand());
        }
        return left;
    }

    private Expression Unary(bool withFilter = true)
    {
        Enter();
        var value = Current.Kind == TokenKind.Operator && Current.Value is "-" or "+"
            ? new SignExpression(Next().Value == "-", Unary(withFilter: false))
            : Primary();
        value = Postfix(value);
        value = withFilter ? Filters(value) : value;
        _depth--;
        return value;
    }

    private Expression Primary()
    {
        var token = Next();
        switch (token.Kind)
        {
            case TokenKind.Name:
                return token.Value switch
                {
                    "true" or "True" => new ConstantExpression(true),
                    "false" or "False" => new ConstantExpression(false),
                    "none" or "None" => new ConstantExpression(null),
                    var name => new NameExpression(name),
                };
            case TokenKind.String:
                var text = token.Value;
                while (Current.Kind == TokenKind.String)
                    text += Next().Value;
                return new ConstantExpression(text);
            case TokenKind.Integer:
                return new ConstantExpression(long.TryParse(token.Value, NumberStyles.None, CultureInfo.InvariantCulture, out var whole)
                    ? whole : throw new TemplateException("a whole number beyond 64 bits", token.Line));
            case TokenKind.Float:
                return new ConstantExpression(double.Parse(token.Value, NumberStyles.Float, CultureInfo.InvariantCulture));
            case TokenKind.Operator when token.Value == "(":
                return Parenthesis();
            case TokenKind.Operator when token.Value == "[":
                return new ListExpression(Items("]"), tuple: false);
            case TokenKind.Operator when token.Value == "{":
                return Dict();
            default:
                throw new TemplateException($"expected a value, found {token}", token.Line);
        }
    }

    private Expression Parenthesis()
    {
        if (TakeOperator(")"))
            return new ListExpression([], tuple: true);
        var inner = Tuple();
        ExpectOperator(")");
        return inner;
    }

    private List<Expression> Items(string close)
    {
        List<Expression> items = [];
        while (!TakeOperator(close))
        {
            if (items.Count > 0)
            {
                ExpectOperator(",");
                if (TakeOperator(close))
                    break;
            }
            items.Add(Expression());
        }
        return items;
    }

    private DictExpression Dict()
    {
        List<(Expression, Expression)> items = [];
        while (!TakeOperator("}"))
        {
            if (items.Count > 0)
            {
                ExpectOperator(",");
                if (TakeOperator("}"))
                    break;
            }
            var key = Expression();
            ExpectOperator(":");
            items.Add((key, Expression()));
        }
        return new DictExpression(items);
    }

    private Expression Postfix(Expression value)
    {
        for (var length = 0; ; length++)
        {
            Limit(length);
            if (TakeOperator("."))
            {
                value = Current.Kind == TokenKind.Integer
                    ? new ItemExpression(value, Primary())
                    : new AttributeExpression(value, ExpectName());
            }
            else if (TakeOperator("["))
            {
                value = Subscript(value);
            }
            else if (TakeOperator("("))
            {
                value = new CallExpression(value, Arguments());
            }
            else
            {
                return value;
            }
        }
    }

    private Expression Subscript(Expression target)
    {
        var start = Current.Is(TokenKind.Operator, ":") ? null : Expression();
        if (start is not null && TakeOperator("]"))
            return new ItemExpression(target, start);
        ExpectOperator(":");
        var stop = SliceBound();
        var step = TakeOperator(":") ? SliceBound() : null;
        ExpectOperator("]");
        return new SliceExpression(target, start, stop, step);
    }

    private Expression? SliceBound() => Current.Kind == TokenKind.Operator && Current.Value is ":" or "]" ? null : Expression();

    protected ArgumentList Arguments()
    {
        List<Expression> positional = [];
        List<(string, Expression)> named = [];
        while (!TakeOperator(")"))
        {
            if (positional.Count + named.Count > 0)
            {
                ExpectOperator(",");
                if (TakeOperator(")"))
                    break;
            }
            if (Current.Kind == TokenKind.Operator && Current.Value is "*" or "**")
                throw new TemplateException("unpacking arguments with * is not supported", Current.Line);
            if (Current.Kind == TokenKind.Name && Ahead(1).Is(TokenKind.Operator, "="))
            {
                var name = Next().Value;
                Next();
                named.Add((name, Expression()));
            }
            else
            {
                positional.Add(Expression());
            }
        }
        return new ArgumentList(positional, named);
    }

    protected Expression Filters(Expression value, bool barGiven = false)
    {
        for (var length = 0; ; length++)
        {
            Limit(length);
            if (barGiven || TakeOperator("|"))
            {
                var line = Current.Line;
                var name = ExpectName();
                if (!TemplateFilters.Exists(name))
                    throw new TemplateException($"there is no filter '{name}'", line);
                value = new FilterExpression(value, name, TakeOperator("(") ? Arguments() : ArgumentList.Empty);
            }
            else if (TakeName("is"))
            {
                value = Test(value);
            }
            else if (TakeOperator("("))
            {
                value = new CallExpression(value, Arguments());
            }
            else
            {
                return value;
            }
            barGiven = false;
        }
    }

    private TestExpression Test(Expression value)
    {
        var negated = TakeName("not");
        var line = Current.Line;
        var name = ExpectName();
        if (!TemplateTests.Exists(name))
            throw new TemplateException($"there is no test '{name}'", line);
        var arguments = ArgumentList.Empty;
        if (TakeOperator("("))
            arguments = Arguments();
        else if (StartsValue(Current))
            arguments = new ArgumentList([Postfix(Primary())], []);
        return new TestExpression(value, name, arguments, negated);
    }

    private static bool StartsValue(TemplateToken token) => token.Kind switch
    {
        TokenKind.Name => token.Value is not ("else" or "or" or "and" or "is" or "if" or "in" or "not" or "recursive"),
        TokenKind.String or TokenKind.Integer or TokenKind.Float => true,
        TokenKind.Operator => token.Value is "[" or "{",
        _ => false,
    };

    /// <summary>One level deeper; its caller goes back up. A parser that has thrown is not used again.</summary>
    private void Enter()
    {
        if (++_depth > DeepestNesting)
            throw new TemplateException($"expressions nested more than {DeepestNesting} levels deep", Current.Line);
    }

    private void Limit(int length)
    {
        if (length > LongestChain)
            throw new TemplateException($"an expression with more than {LongestChain} parts in a row", Current.Line);
    }
}
