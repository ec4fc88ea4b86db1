using System.Globalization;
using FineTuneGrid.Grains.Housekeeping;
using Microsoft.Extensions.Configuration;

namespace FineTuneGrid.Host;

/// <summary>How long housekeeping spares what nothing references.</summary>
internal static class RetentionSettings
{
    private static readonly TimeSpan Most = TimeSpan.FromDays(3650);

    /// <exception cref="Contracts.GridException">A value is no number, or so small that something in use could be removed.</exception>
    public static RetentionPolicy Read(IConfiguration section)
    {
        var stock = new RetentionPolicy();
        return stock with
        {
            Uploads = Span(section, SettingKeys.UploadDays, TimeSpan.FromDays(1), stock.Uploads, TimeSpan.FromDays(1)),
            Unreferenced = Span(section, SettingKeys.UnreferencedDays, TimeSpan.FromDays(1), stock.Unreferenced, stock.Unreferenced),
            Audit = Span(section, SettingKeys.AuditDays, TimeSpan.FromDays(1), stock.Audit, TimeSpan.FromDays(1)),
            Checkpoints = Span(section, SettingKeys.CheckpointHours, TimeSpan.FromHours(1), stock.Checkpoints, stock.Checkpoints),
        };
    }

    private static TimeSpan Span(IConfiguration section, string key, TimeSpan unit, TimeSpan stock, TimeSpan least)
    {
        if (SettingKeys.Text(section, key) is not { } text) return stock;
        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var count) && count >= least / unit && count <= Most / unit
            ? unit * count
            : throw SettingKeys.Bad(key, $"must be a whole number from {least / unit} to {Most / unit}, not '{text}'");
    }
}
