namespace FineTuneGrid.Gateway.Pages;

/// <summary>All that browsers open.</summary>
internal static class PageRoutes
{
    public static void MapPages(this IEndpointRouteBuilder routes)
    {
        routes.MapPageAssets();
        routes.MapSessionPages();
        routes.MapOverview();
        routes.MapJobList();
        routes.MapNewJob();
        routes.MapJobPage();
        routes.MapRegistryPages();
        routes.MapDatasetPage();
        routes.MapAdapterPage();
        routes.MapNodePages();
        routes.MapKeyPages();
    }
}
