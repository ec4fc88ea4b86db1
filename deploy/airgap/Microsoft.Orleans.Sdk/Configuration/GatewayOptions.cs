namespace Orleans.Configuration;

/// <summary>How a client keeps its list of gateways. The client of these packages tries all of them at every connect.</summary>
public class GatewayOptions
{
    public TimeSpan GatewayListRefreshPeriod { get; set; } = TimeSpan.FromMinutes(1);
}
