using Microsoft.Extensions.Options;
using Orleans.Configuration;
using Orleans.Runtime;

namespace Orleans.Configuration
{
    /// <summary>The gateways that a client may connect to, as <c>gwy.tcp://address:port/0</c>.</summary>
    public class StaticGatewayListProviderOptions
    {
        public List<Uri> Gateways { get; set; } = [];
    }

    /// <summary>How connections are opened.</summary>
    public class ConnectionOptions
    {
        public static readonly TimeSpan DEFAULT_OPENCONNECTION_TIMEOUT = TimeSpan.FromSeconds(5);

        /// <summary>Default: 5 seconds.</summary>
        public TimeSpan OpenConnectionTimeout { get; set; } = DEFAULT_OPENCONNECTION_TIMEOUT;
    }
}

namespace Orleans.Hosting
{
    internal sealed class GatewayListValidator(IOptions<StaticGatewayListProviderOptions> options) : IConfigurationValidator
    {
        public void ValidateConfiguration()
        {
            if (options.Value.Gateways.Count == 0)
                throw new OrleansConfigurationException(
                    "The client has no gateways: call UseLocalhostClustering or UseStaticClustering on the client builder.");
        }
    }
}
