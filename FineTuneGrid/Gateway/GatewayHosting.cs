using FineTuneGrid.Gateway.Access;
using FineTuneGrid.Gateway.Apis;
using FineTuneGrid.Gateway.Assets;
using FineTuneGrid.Gateway.Audit;
using FineTuneGrid.Gateway.Health;
using FineTuneGrid.Gateway.Hub;
using FineTuneGrid.Gateway.Idempotency;
using FineTuneGrid.Gateway.Jobs;
using FineTuneGrid.Gateway.OpenAi;
using FineTuneGrid.Gateway.OpenAi.Files;
using FineTuneGrid.Gateway.OpenAi.FineTuning;
using FineTuneGrid.Gateway.OpenAi.Inference;
using FineTuneGrid.Gateway.OpenAi.Models;
using FineTuneGrid.Gateway.OpenAi.Uploads;
using FineTuneGrid.Gateway.OpenAi.Webhooks;
using FineTuneGrid.Gateway.Pages;
using FineTuneGrid.Gateway.Problems;
using FineTuneGrid.Gateway.Quotas;
using FineTuneGrid.Gateway.Runs;
using FineTuneGrid.Gateway.Telemetry;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Http.Features;

namespace FineTuneGrid.Gateway;

/// <summary>The front door as a part of a host. The host supplies IBlobStore, IInspector and the grain factory.</summary>
public static class GatewayHosting
{
    public static WebApplicationBuilder AddGridGateway(this WebApplicationBuilder builder, GatewayOptions options)
    {
        var services = builder.Services;
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.Limits.MaxRequestBodySize = 4 << 20;
            kestrel.Limits.MinRequestBodyDataRate = null;
            kestrel.AddServerHeader = false;
        });
        services.AddSingleton(options);
        services.AddSingleton(TimeProvider.System);
        services.AddSingleton(new ApiKeys(options.Secrets.Pepper));
        services.AddSingleton<KeyCache>();
        services.AddHostedService<KeyUseReports>();
        services.AddSingleton<AuditLog>();
        services.AddHostedService(s => s.GetRequiredService<AuditLog>());
        services.AddSingleton<AuditReader>();
        services.AddSingleton<NameResolver>();
        services.AddSingleton<UsageScan>();
        services.AddSingleton<QuotaGate>();
        services.AddSingleton<FileUpload>();
        services.AddSingleton<AssetService>();
        services.AddSingleton<StoredFiles>();
        services.AddSingleton<AdapterPush>();
        services.AddSingleton<AdapterAudit>();
        services.AddSingleton<LicenseDoor>();
        services.AddSingleton<HubRepos>();
        services.AddSingleton<HubPush>();
        services.AddSingleton<HubUploadUrls>();
        services.AddSingleton<FileStore>();
        services.AddSingleton<FileDrafts>();
        services.AddHostedService<FileExpiry>();
        services.AddSingleton<UploadStore>();
        services.AddSingleton(new WebhookEgress(options.WebhookHosts));
        services.AddSingleton<WebhookStore>();
        services.AddSingleton<WebhookSender>();
        services.AddHostedService<WebhookDispatcher>();
        services.AddSingleton<FineTunedModels>();
        services.AddSingleton<ModelCatalog>();
        services.AddSingleton<JobAccess>();
        services.AddSingleton<JobSubmitter>();
        services.AddSingleton<JobOrders>();
        services.AddSingleton<JobListing>();
        services.AddSingleton<FineTuningJobs>();
        services.AddSingleton<ResultFiles>();
        services.AddSingleton<TunedCheckpoints>();
        services.AddSingleton<JobLogs>();
        services.AddSingleton<IdempotencyStore>();
        services.AddSingleton<ReplyStore>();
        services.AddSingleton<IdempotentPosts>();
        services.AddSingleton<TaskRunner>();
        services.AddSingleton<Completer>();
        services.AddSingleton<ExportService>();
        services.AddSingleton<TextService>();
        services.AddSingleton<ResumeVerifier>();
        services.AddSingleton<RequestMetrics>();
        services.AddSingleton<JobCensus>();
        services.AddSingleton<TryBox>();
        services.AddExceptionHandler<ProblemWriter>();
        // The answer then says which parameter does not fit, in every environment.
        services.Configure<RouteHandlerOptions>(o => o.ThrowOnBadRequest = true);
        services.AddOpenApi("v1");
        SessionKeyRing.Configure(services, options.Secrets.Session);
        TokenAuthentication.Add(services, options.Oidc).AddCookie(Policies.SessionScheme, SessionCookie.Configure);
        services.AddAntiforgery(o => o.Cookie.SameSite = SameSiteMode.Strict);
        services.AddSingleton<SignInLinks>();
        services.AddAuthorization(Policies.Add);
        services.AddSingleton<IAuthorizationHandler, ScopeHandler>();
        if (options.RequestLimit is { } limit) TenantLimits.Add(services, limit);
        return builder;
    }

    public static WebApplication MapGridGateway(this WebApplication app)
    {
        app.Use((context, next) =>
        {
            // Users' files are served too: no browser may guess that one of them is a script.
            context.Response.Headers.XContentTypeOptions = "nosniff";
            return next(context);
        });
        app.UseOpenAiRequestIds();
        app.UseRequestMetrics();
        app.UseAuditTrail();
        app.UseExceptionHandler(_ => { });
        app.UseStatusCodePages(ProblemWriter.WriteStatusAsync);
        app.UseAuthentication();
        app.UseAuthorization();
        if (app.Services.GetRequiredService<GatewayOptions>().RequestLimit is not null) app.UseRateLimiter();
        app.Use((context, next) => context.RequestServices.GetRequiredService<IdempotentPosts>().InvokeAsync(context, next));
        app.MapOpenApi().AllowAnonymous();
        app.MapHealth();
        app.MapMetrics();
        app.MapJobs();
        app.MapAssets();
        app.MapAdapters();
        app.MapSigning();
        app.MapHubReads();
        app.MapHubWrites();
        app.MapFiles();
        app.MapUploads();
        app.MapWebhooks();
        app.MapModels();
        app.MapRuns();
        app.MapExports();
        app.MapCompletions();
        app.MapChat();
        app.MapFineTuning();
        app.MapCheckpointPermissions();
        app.MapTokenize();
        app.MapClassify();
        app.MapFleet();
        app.MapCluster();
        app.MapKeys();
        app.MapOrgs();
        app.MapMembers();
        app.MapHousekeeping();
        app.MapAudit();
        app.MapPages();
        return app;
    }

    /// <summary>Large uploads set their own limits.</summary>
    internal static TBuilder DisableRequestLimits<TBuilder>(this TBuilder builder) where TBuilder : IEndpointConventionBuilder =>
        builder.WithMetadata(new Microsoft.AspNetCore.Mvc.DisableRequestSizeLimitAttribute());
}
