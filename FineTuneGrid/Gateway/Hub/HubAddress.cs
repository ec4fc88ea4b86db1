namespace FineTuneGrid.Gateway.Hub;

/// <summary>The repository, and where a route has them the revision and the path, that a request is about.</summary>
public sealed record HubAddress(string? Org, string Name, string Revision, string Path)
{
    public string Id => Org is null ? Name : $"{Org}/{Name}";

    /// <summary>Both forms of a repository's name in a route.</summary>
    public static readonly string[] Routes = ["{name}", "{org}/{name}"];

    public static ValueTask<HubAddress?> BindAsync(HttpContext context)
    {
        var values = context.Request.RouteValues;
        return ValueTask.FromResult<HubAddress?>(new HubAddress(
            values["org"] as string, (string)values["name"]!, values["rev"] as string ?? HubRepo.Main, (values["path"] as string ?? "").Trim('/')));
    }
}
