using System.Runtime.CompilerServices;

namespace FineTuneGrid.Text.Templates;

/// <summary>Reads the statements of a template.</summary>
internal sealed class TemplateParser : ExpressionParser
{
    private bool _hasGeneration;

    private TemplateParser(List<TemplateToken> tokens) : base(tokens)
    {
    }

    public static (List<Statement> Body, bool HasGeneration) Parse(string source)
    {
        var parser = new TemplateParser(TemplateLexer.Read(source));
        var body = parser.Body();
        if (parser.Current.Kind != TokenKind.End)
            throw parser.Unexpected("the end of the template");
        return (body, parser._hasGeneration);
    }

    /// <summary>Statements up to a block tag with one of the names, which is left to be read (its {% is consumed).</summary>
    private List<Statement> Body(params string[] ends)
    {
        RuntimeHelpers.EnsureSufficientExecutionStack();
        List<Statement> body = [];
        while (Current.Kind != TokenKind.End)
        {
            var token = Next();
            switch (token.Kind)
            {
                case TokenKind.Text:
                    body.Add(new TextStatement(token.Value) { Line = token.Line });
                    break;
                case TokenKind.PrintBegin:
                    body.Add(new PrintStatement(Tuple()) { Line = token.Line });
                    End(TokenKind.PrintEnd, "}}");
                    break;
                default:
                    if (Current.Kind == TokenKind.Name && ends.Contains(Current.Value))
                        return body;
                    body.Add(Block(token.Line));
                    break;
            }
        }
        return ends.Length == 0 ? body : throw Unexpected("{% " + ends[^1] + " %}");
    }

    private Statement Block(int line)
    {
        var name = ExpectName();
        switch (name)
        {
            case "if": return If(line);
            case "for": return For(line);
            case "set": return Set(line);
            case "macro": return Macro(line);
            case "call": return Call(line);
            case "filter": return Filter(line);
            case "with": return With(line);
            case "generation": return Generation(line);
            case "break" or "continue":
                End(TokenKind.BlockEnd, "%}");
                return new LoopControlStatement(name == "break") { Line = line };
            default:
                throw new TemplateException($"the tag '{name}' is not supported in chat templates", line);
        }
    }

    private IfStatement If(int line)
    {
        List<(Expression?, List<Statement>)> branches = [];
        var condition = Tuple(withCondition: false);
        while (true)
        {
            End(TokenKind.BlockEnd, "%}");
            branches.Add((condition, Body("elif", "else", "endif")));
            if (TakeName("elif"))
            {
                condition = Tuple(withCondition: false);
                continue;
            }
            if (TakeName("else"))
            {
                End(TokenKind.BlockEnd, "%}");
                branches.Add((null, Body("endif")));
            }
            Close("endif");
            return new IfStatement(branches) { Line = line };
        }
    }

    private ForStatement For(int line)
    {
        var target = Target();
        if (!TakeName("in"))
            throw Unexpected("'in'");
        var iterable = Tuple(withCondition: false);
        var filter = TakeName("if") ? Expression() : null;
        var recursive = TakeName("recursive");
        End(TokenKind.BlockEnd, "%}");
        var body = Body("else", "endfor");
        List<Statement> otherwise = [];
        if (TakeName("else"))
        {
            End(TokenKind.BlockEnd, "%}");
            otherwise = Body("endfor");
        }
        Close("endfor");
        return new ForStatement(target, iterable, filter, recursive, body, otherwise) { Line = line };
    }

    private Statement Set(int line)
    {
        if (Current.Kind == TokenKind.Name && Ahead(1).Is(TokenKind.Operator, "."))
        {
            var space = Next().Value;
            Next();
            var member = ExpectName();
            ExpectOperator("=");
            var value = Tuple();
            End(TokenKind.BlockEnd, "%}");
            return new SetMemberStatement(space, member, value) { Line = line };
        }
        var target = Target();
        if (TakeOperator("="))
        {
            var value = Tuple();
            End(TokenKind.BlockEnd, "%}");
            return new SetStatement(target, value) { Line = line };
        }
        if (target is not NameExpression name)
            throw Unexpected("'='");
        return new CaptureStatement(name.Name, OptionalFilters(), Captured("endset")) { Line = line };
    }

    private CaptureStatement Filter(int line)
    {
        // {% filter a | b %} starts without a bar.
        var chain = Filters(new CapturedText(), barGiven: true);
        return new CaptureStatement(null, text => new CapturedChain(chain, text), Captured("endfilter")) { Line = line };
    }

    private Func<Expression, Expression> OptionalFilters()
    {
        var chain = Filters(new CapturedText());
        return text => new CapturedChain(chain, text);
    }

    private List<Statement> Captured(string end)
    {
        End(TokenKind.BlockEnd, "%}");
        var body = Body(end);
        Close(end);
        return body;
    }

    private WithStatement With(int line)
    {
        List<(Expression, Expression)> assignments = [];
        while (Current.Kind != TokenKind.BlockEnd)
        {
            if (assignments.Count > 0)
                ExpectOperator(",");
            var target = Target();
            ExpectOperator("=");
            assignments.Add((target, Expression()));
        }
        return new WithStatement(assignments, Captured("endwith")) { Line = line };
    }

    private MacroStatement Macro(int line)
    {
        var name = ExpectName();
        ExpectOperator("(");
        return new MacroStatement(name, Parameters(), Captured("endmacro")) { Line = line };
    }

    private CallStatement Call(int line)
    {
        List<(string, Expression?)> parameters = TakeOperator("(") ? Parameters() : [];
        if (Expression() is not CallExpression call)
            throw new TemplateException("{% call %} needs a call", line);
        return new CallStatement(call, new MacroStatement("caller", parameters, Captured("endcall"))) { Line = line };
    }

    private GenerationStatement Generation(int line)
    {
        _hasGeneration = true;
        return new GenerationStatement(Captured("endgeneration")) { Line = line };
    }

    private List<(string, Expression?)> Parameters()
    {
        List<(string, Expression?)> parameters = [];
        while (!TakeOperator(")"))
        {
            if (parameters.Count > 0)
                ExpectOperator(",");
            parameters.Add((ExpectName(), TakeOperator("=") ? Expression() : null));
        }
        return parameters;
    }

    private Expression Target()
    {
        RuntimeHelpers.EnsureSufficientExecutionStack();
        List<Expression> names = [];
        var tuple = false;
        do
        {
            if (names.Count > 0 && Current.Kind != TokenKind.Name && !Current.Is(TokenKind.Operator, "("))
                break;
            if (TakeOperator("("))
            {
                names.Add(Target());
                ExpectOperator(")");
            }
            else
            {
                names.Add(new NameExpression(ExpectName()));
            }
        }
        while (TakeOperator(",") && (tuple = true));
        return tuple ? new ListExpression(names, tuple: true) : names[0];
    }

    private void Close(string name)
    {
        if (!TakeName(name))
            throw Unexpected("{% " + name + " %}");
        End(TokenKind.BlockEnd, "%}");
    }

    private void End(TokenKind kind, string text)
    {
        if (Next().Kind != kind)
            throw new TemplateException($"expected {text}, found {Ahead(-1)}", Ahead(-1).Line);
    }

    /// <summary>Stands for the captured text in a chain of filters, until there is one.</summary>
    private sealed class CapturedText : Expression
    {
        protected override object? Value(TemplateScope scope) => scope["\0captured"];
    }

    private sealed class CapturedChain(Expression chain, Expression text) : Expression
    {
        protected override object? Value(TemplateScope scope)
        {
            var inner = scope.Inner();
            inner["\0captured"] = text.Evaluate(scope);
            return chain.Evaluate(inner);
        }
    }
}
