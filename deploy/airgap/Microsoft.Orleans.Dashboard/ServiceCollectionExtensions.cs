using System.Reflection;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Hosting;

namespace Orleans.Dashboard;

/// <summary>
/// A page with what runs in the silo. It has no authentication of its own: put it behind a policy with
/// <c>MapOrleansDashboard(...).RequireAuthorization(...)</c>.
/// </summary>
public static class ServiceCollectionExtensions
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
    {
        NumberHandling = System.Text.Json.Serialization.JsonNumberHandling.Strict,
    };

    public static ISiloBuilder AddDashboard(this ISiloBuilder siloBuilder, Action<DashboardOptions>? configureOptions = null)
    {
        siloBuilder.Services.Configure(configureOptions ?? (static _ => { }));
        siloBuilder.Services.AddSingleton<DashboardData>();
        siloBuilder.Services.AddHostedService(services => services.GetRequiredService<DashboardData>());
        return siloBuilder;
    }

    /// <summary>Maps the page and the JSON that it reads below <paramref name="routePrefix"/>.</summary>
    /// <exception cref="InvalidOperationException"><see cref="AddDashboard"/> was not called.</exception>
    public static RouteGroupBuilder MapOrleansDashboard(this IEndpointRouteBuilder endpoints, string? routePrefix = null)
    {
        var data = endpoints.ServiceProvider.GetService<DashboardData>()
            ?? throw new InvalidOperationException("The dashboard is not registered: call AddDashboard on the silo builder.");
        var group = endpoints.MapGroup(routePrefix ?? string.Empty);
        group.MapGet("/", (HttpContext context) => string.IsNullOrEmpty(routePrefix) || context.Request.Path.Value!.EndsWith('/')
            ? Asset("index.html", "text/html")
            : Results.Redirect($"{context.Request.PathBase}{context.Request.Path}/{context.Request.QueryString}", permanent: true));
        group.MapGet("/index.html", () => Asset("index.html", "text/html"));
        group.MapGet("/index.css", () => Asset("index.css", "text/css"));
        group.MapGet("/index.min.js", () => Asset("index.min.js", "text/javascript"));
        group.MapGet("/version", () => Results.Json(
            new { Version = typeof(ServiceCollectionExtensions).Assembly.GetName().Version?.ToString() }, Json));
        group.MapGet("/DashboardCounters", (string[]? exclude) => Results.Json(data.Counters(exclude ?? []), Json));
        group.MapGet("/ClusterStats", () => Results.Json(data.ClusterStats(), Json));
        group.MapGet("/TopGrainMethods", (string[]? exclude) => Results.Json(data.TopGrainMethods(exclude ?? []), Json));
        group.MapGet("/GrainTypes", (string[]? exclude) => Results.Json(data.GrainTypes(exclude ?? []), Json));
        group.MapGet("/GrainStats/{*grainName}", (string grainName) => Results.Json(data.GrainStatsOf(grainName), Json));
        return group;
    }

    private static IResult Asset(string name, string contentType) => Results.Stream(
        Assembly.GetExecutingAssembly().GetManifestResourceStream(name)
            ?? throw new InvalidOperationException($"The page's file {name} is missing from the assembly."),
        $"{contentType}; charset=utf-8");
}
