using System.Globalization;
using FineTuneGrid.Contracts.Training;

namespace FineTuneGrid.Gateway.Pages;

/// <summary>What the box of an adapter's page asks.</summary>
internal sealed record TryQuestion
{
    public const int MostTokens = 512;

    public string Text { get; init; } = "";

    /// <summary>Through the chat template, as a user's message; else the text is gone on with.</summary>
    public bool Chat { get; init; }

    /// <summary>The base model without the adapter answers too.</summary>
    public bool Compare { get; init; } = true;

    public int MaxTokens { get; init; } = 64;

    public double Temperature { get; init; }

    /// <summary>Of a form; numbers that are none, or out of range, are taken for the nearest that fits.</summary>
    public static TryQuestion Read(IFormCollection form) => new()
    {
        Text = form["prompt"].ToString(),
        Chat = form["chat"].Count > 0,
        Compare = form["compare"].Count > 0,
        MaxTokens = int.TryParse(form["max_tokens"], CultureInfo.InvariantCulture, out var tokens) ? Math.Clamp(tokens, 1, MostTokens) : 64,
        Temperature = double.TryParse(form["temperature"], CultureInfo.InvariantCulture, out var heat) && double.IsFinite(heat) ? Math.Clamp(heat, 0, 2) : 0,
    };

    public CompletionTask ToTask() => new([Text], Chat, MaxTokens, Temperature, TopP: 1, Seed: 0);
}
