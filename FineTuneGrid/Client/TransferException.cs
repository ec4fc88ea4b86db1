namespace FineTuneGrid.Client;

/// <summary>A file that did not come whole, or may not be written. Trying the same again does not help at once.</summary>
public sealed class TransferException(string message, Exception? inner = null) : IOException(message, inner);
