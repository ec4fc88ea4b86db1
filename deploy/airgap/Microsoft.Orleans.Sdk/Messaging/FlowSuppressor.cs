namespace Orleans.Runtime;

internal static class FlowSuppressor
{
    /// <summary>Keeps the caller's execution context out of what is created until the result is disposed; null where it already is.</summary>
    public static AsyncFlowControl? Suppress() => ExecutionContext.IsFlowSuppressed() ? null : ExecutionContext.SuppressFlow();
}
