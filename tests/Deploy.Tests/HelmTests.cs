using System.Text.Json;
using System.Text.RegularExpressions;
using FineTuneGrid.Deploy.Helm;

namespace FineTuneGrid.Deploy;

/// <summary>The chart as it renders: what its objects need of each other, and of the product.</summary>
public sealed partial class HelmTests
{
    private const string Own = """settings: {existingSecret: mine}""";

    private const string Given = """settings: {redis: "redis:6379,password=x", azureBlob: "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=b=="}""";

    /// <summary>Every branch that the chart's own values do not take.</summary>
    private const string Other = """
        settings: {existingSecret: mine}
        image: {tag: "1.2"}
        imagePullSecrets: [{name: registry}]
        control: {replicas: 3, extraArgs: ["--lease", "60"], podAnnotations: {a: "1"}, nodeSelector: {x: "true"}, tolerations: [{operator: Exists}]}
        node: {device: cpu, slots: 2, existingSecret: nodes, runtimeClassName: nvidia, extraArgs: ["--threads", "8"], resources: {limits: {memory: 8Gi}}}
        tls: {controlSecret: silo-tls, nodeSecret: node-tls}
        networkPolicy: {restFrom: [{namespaceSelector: {matchLabels: {name: ingress}}}]}
        """;

    public static TheoryData<string> Variants => new() { Own, Given, Other };

    private static IReadOnlyList<Tree> Objects(string values) => new Chart(values).Objects();

    private static Tree One(IEnumerable<Tree> objects, string kind, string name) =>
        Assert.Single(objects, o => o["kind"].Text == kind && o.At("metadata.name").Text == "grid-finetunegrid" + name);

    private static Tree Container(Tree workload) => Assert.Single(workload.At("spec.template.spec.containers").Items);

    [Fact]
    public void Chart_MakesTheWholeControlPlaneAndItsNodes()
    {
        string[] all = ["DaemonSet", "NetworkPolicy", "NetworkPolicy", "PodDisruptionBudget", "Secret", "Service", "Service", "ServiceAccount", "StatefulSet"];
        Assert.Equal(all, Objects(Given).Select(o => o["kind"].Text).Order(StringComparer.Ordinal));
        Assert.Equal(all.Except(["Secret"]), Objects(Own).Select(o => o["kind"].Text).Distinct().Order(StringComparer.Ordinal));
        Assert.DoesNotContain("DaemonSet", Objects(Own + "\nnode: {enabled: false}").Select(o => o["kind"].Text));
        Assert.DoesNotContain("NetworkPolicy", Objects(Own + "\nnetworkPolicy: {enabled: false}").Select(o => o["kind"].Text));
    }

    [Theory]
    [InlineData("settings: {azureBlob: x}", "settings.redis")]
    [InlineData("settings: {redis: x}", "settings.azureBlob")]
    [InlineData(Own + "\ntls: {nodeSecret: a}", "tls.controlSecret")]
    [InlineData(Own + "\ntls: {controlSecret: a}", "tls.nodeSecret")]
    public void MissingSetting_IsToldByName(string values, string name) =>
        Assert.StartsWith(name, Assert.Throws<InvalidOperationException>(() => Objects(values)).Message, StringComparison.Ordinal);

    [Fact]
    public void EveryValue_IsUsed()
    {
        var used = Chart.Templates.SelectMany(f => Use().Matches(Repository.Read(f)).Select(m => m.Groups[1].Value)).ToHashSet();
        var values = Values.Paths(Values.Read(Repository.Read($"{Chart.Folder}/values.yaml")));
        Assert.DoesNotContain(values, v => !used.Any(u => v == u || v.StartsWith(u + ".", StringComparison.Ordinal)));
    }

    [Fact]
    public void Schema_DescribesTheValues_NoMoreAndNoLess()
    {
        using var schema = JsonDocument.Parse(Repository.Read($"{Chart.Folder}/values.schema.json"));
        Fits(Values.Read(Repository.Read($"{Chart.Folder}/values.yaml")), schema.RootElement, "values");

        static void Fits(object? value, JsonElement schema, string path)
        {
            var type = schema.GetProperty("type");
            var kind = value switch { Dictionary<string, object?> => "object", List<object?> => "array", string => "string", bool => "boolean", long => "integer", _ => "null" };
            Assert.True(type.ValueKind == JsonValueKind.String ? type.ValueEquals(kind) : type.EnumerateArray().Any(t => t.ValueEquals(kind)), $"{path} is {kind}, the schema says {type}");
            if (schema.TryGetProperty("enum", out var choices)) Assert.Contains(value, choices.EnumerateArray().Select(c => (object?)c.GetString()));
            if (schema.TryGetProperty("pattern", out var pattern)) Assert.Matches(pattern.GetString()!, (string)value!);
            if (schema.TryGetProperty("minimum", out var minimum)) Assert.True((long)value! >= minimum.GetInt64(), path);
            if (value is not Dictionary<string, object?> map || !schema.TryGetProperty("properties", out var properties)) return;
            Assert.False(schema.GetProperty("additionalProperties").GetBoolean(), path);
            Assert.Equal(properties.EnumerateObject().Select(p => p.Name).Except(["global"]).Order(StringComparer.Ordinal), map.Keys.Order(StringComparer.Ordinal));
            foreach (var (key, inner) in map) Fits(inner, properties.GetProperty(key), $"{path}.{key}");
        }
    }

    [Theory]
    [MemberData(nameof(Variants))]
    public void Selector_FindsThePods_AndPortsAreNamed(string values)
    {
        var objects = Objects(values);
        var pods = objects.Where(o => o["kind"].Text is "StatefulSet" or "DaemonSet").ToList();
        foreach (var workload in pods) Assert.True(Selects(workload.At("spec.selector.matchLabels"), workload));
        var control = One(pods, "StatefulSet", "-control");
        var ports = Container(control)["ports"].Items.ToDictionary(p => p["name"].Text, p => p["containerPort"].Text);
        foreach (var service in objects.Where(o => o["kind"].Text == "Service"))
        {
            Assert.Equal(["-control"], pods.Where(p => Selects(service.At("spec.selector"), p)).Select(Suffix));
            Assert.All(service.At("spec.ports").Items, p => Assert.Contains(p["targetPort"].Text, ports.Keys));
        }
        Assert.Equal(["-control"], pods.Where(p => Selects(One(objects, "PodDisruptionBudget", "-control").At("spec.selector.matchLabels"), p)).Select(Suffix));
        Assert.Equal(One(objects, "Service", "-silos").At("metadata.name").Text, control.At("spec.serviceName").Text);
        Assert.Equal("None", One(objects, "Service", "-silos").At("spec.clusterIP").Text);
    }

    [Theory]
    [MemberData(nameof(Variants))]
    public void Arguments_AreTheProducts_AndPortsThoseThatItListensOn(string values)
    {
        var objects = Objects(values);
        var control = Container(One(objects, "StatefulSet", "-control"));
        var options = Product.Arguments(control["args"].Texts);
        Assert.True(options is { IsControl: true, LogsAsJson: true, InsecureBind: true });
        Assert.DoesNotContain("node", options.Roles);
        var ports = control["ports"].Items.ToDictionary(p => p["name"].Text, p => p["containerPort"].Text);
        Assert.Equal(new() { ["rest"] = $"{options.Port}", ["silo"] = $"{options.SiloPort}", ["gateway"] = $"{options.ClusterPort}" }, ports);

        var pod = One(objects, "DaemonSet", "-node").At("spec.template.spec");
        var node = Assert.Single(pod["containers"].Items);
        var agent = Product.Arguments(node["args"].Texts.Select(a => a.Replace("$(NODE_NAME)", "gpu-1", StringComparison.Ordinal).Replace("$(POD_IP)", "10.0.0.9", StringComparison.Ordinal)));
        Assert.Equal((false, "gpu-1", "10.0.0.9"), (agent.IsControl, agent.NodeName, agent.TrainerAddress));
        var script = Assert.Single(pod["initContainers"].Items)["command"].Texts[^1];
        Assert.EndsWith($" --issue-token \"$NODE_NAME\" --data /data >{agent.TokenFile}", script);
        var gpus = node.At("resources.limits").Find("nvidia.com/gpu")?.Text;
        Assert.Equal(agent.Device == "cuda" ? $"{agent.Slots}" : null, gpus);
    }

    [Theory]
    [MemberData(nameof(Variants))]
    public void Environment_IsWhatTheProductReads_AndSecretsAreMountedFiles(string values)
    {
        var objects = Objects(values);
        foreach (var pod in objects.Where(o => o["kind"].Text is "StatefulSet" or "DaemonSet").Select(w => w.At("spec.template.spec")))
        {
            var volumes = pod["volumes"].Items.ToDictionary(v => v["name"].Text);
            var containers = pod["containers"].Items.Concat(pod.Find("initContainers")?.Items ?? []).ToList();
            Assert.Equal(volumes.Keys.ToHashSet(), containers.SelectMany(c => c["volumeMounts"].Items).Select(m => m["name"].Text).ToHashSet());
            foreach (var container in containers)
            {
                Assert.All(container["env"].Items, e => Assert.True(Product.Variables.Contains(e["name"].Text) || e.At("valueFrom.fieldRef.fieldPath").Text is "spec.nodeName" or "status.podIP", e["name"].Text));
                var folder = Assert.Single(container["env"].Items, e => e["name"].Text == "FTG_SETTINGS_DIR")["value"].Text;
                var mount = Assert.Single(container["volumeMounts"].Items, m => m["mountPath"].Text == folder);
                Assert.NotNull(volumes[mount["name"].Text].Find("secret"));
                Assert.Contains(container["volumeMounts"].Items, m => m["mountPath"].Text == "/data");
            }
        }
        if (objects.SingleOrDefault(o => o["kind"].Text == "Secret") is not { } secret) return;
        Assert.All(secret["stringData"].Keys, k => Assert.Contains(k, Product.Variables));
        Assert.Equal(secret.At("metadata.name").Text, One(objects, "StatefulSet", "-control").At("spec.template.spec.volumes").Items.First().At("secret.secretName").Text);
    }

    [Fact]
    public void NodeSecret_MayBeAnother_ThanTheOneThatIssuesTokens()
    {
        var volumes = One(Objects(Other), "DaemonSet", "-node").At("spec.template.spec.volumes").Items.ToDictionary(v => v["name"].Text);
        Assert.Equal(("nodes", "mine"), (volumes["settings"].At("secret.secretName").Text, volumes["control-settings"].At("secret.secretName").Text));
    }

    [Theory]
    [MemberData(nameof(Variants))]
    public void Pods_AreWatched_AndMayStopInPeace(string values)
    {
        var objects = Objects(values);
        var control = One(objects, "StatefulSet", "-control");
        Assert.True(Product.Duration(control.At("spec.template.spec.terminationGracePeriodSeconds").Text) > Product.ControlShutdown);
        Assert.True(Product.Duration(One(objects, "DaemonSet", "-node").At("spec.template.spec.terminationGracePeriodSeconds").Text) > Product.NodeShutdown);
        var container = Container(control);
        Assert.All((string[])["startupProbe", "livenessProbe", "readinessProbe"], p => Assert.Equal("rest", container[p].At("httpGet.port").Text));
        Assert.Equal("/livez", container.At("startupProbe.httpGet.path").Text);
        Assert.Equal("/livez", container.At("livenessProbe.httpGet.path").Text);
        Assert.Equal("/readyz", container.At("readinessProbe.httpGet.path").Text);
        Assert.True(Product.Duration(container.At("readinessProbe.timeoutSeconds").Text) > TimeSpan.FromSeconds(5), "the route itself waits up to 5 s");
    }

    [Theory]
    [MemberData(nameof(Variants))]
    public void Pods_HaveNoRights(string values)
    {
        var objects = Objects(values);
        Assert.Equal("false", One(objects, "ServiceAccount", "")["automountServiceAccountToken"].Text);
        foreach (var pod in objects.Where(o => o["kind"].Text is "StatefulSet" or "DaemonSet").Select(w => w.At("spec.template.spec")))
        {
            Assert.Equal(("grid-finetunegrid", "false", "true", "10001"), (pod["serviceAccountName"].Text, pod["automountServiceAccountToken"].Text,
                pod.At("securityContext.runAsNonRoot").Text, pod.At("securityContext.runAsUser").Text));
            foreach (var container in pod["containers"].Items.Concat(pod.Find("initContainers")?.Items ?? []))
            {
                Assert.Equal("false", container.At("securityContext.allowPrivilegeEscalation").Text);
                Assert.Equal(["ALL"], container.At("securityContext.capabilities.drop").Texts);
                Assert.Matches(@":[^:/]+$", container["image"].Text);
                Assert.DoesNotMatch(":latest$", container["image"].Text);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Variants))]
    public void Network_LetsOnlySilosAndNodesToTheClustersPorts(string values)
    {
        var objects = Objects(values);
        var pods = objects.Where(o => o["kind"].Text is "StatefulSet" or "DaemonSet").ToList();
        var ports = new Dictionary<string, HashSet<string>>();
        foreach (var rule in One(objects, "NetworkPolicy", "-control").At("spec.ingress").Items)
        {
            foreach (var port in rule["ports"].Items.Select(p => p["port"].Text))
                ports[port] = [.. ports.GetValueOrDefault(port, []), .. rule["from"].Items.Select(Peer)];
        }
        Assert.Equal(["-control"], ports["silo"]);
        Assert.Equal(["-control", "-node"], ports["gateway"].Order(StringComparer.Ordinal));
        Assert.DoesNotContain(ports["rest"], p => p.StartsWith('-'));
        var trainers = Assert.Single(One(objects, "NetworkPolicy", "-node").At("spec.ingress").Items);
        Assert.Equal(["-node"], trainers["from"].Items.Select(Peer));

        string Peer(Tree peer) => peer.Find("podSelector")?.Find("matchLabels") is { } labels ? Suffix(Assert.Single(pods, p => Selects(labels, p))) : "others";
    }

    [Fact]
    public void Version_IsTheProducts()
    {
        var meta = Values.Read(Repository.Read($"{Chart.Folder}/Chart.yaml"));
        Assert.Equal((ComposeTests.Version, ComposeTests.Version), (meta["version"], meta["appVersion"]));
        Assert.Equal($"finetunegrid/control:{ComposeTests.Version}", Container(One(Objects(Own), "StatefulSet", "-control"))["image"].Text);
        Assert.Equal("finetunegrid/node-cuda:1.2", Container(One(Objects(Other), "DaemonSet", "-node"))["image"].Text);
    }

    [Theory]
    [InlineData("{{ if .a }}x", "an end is missing")]
    [InlineData("{{ end }}", "without a beginning")]
    [InlineData("{{ range .a }}{{ end }}", "range is beyond")]
    [InlineData("{{ .a }", "braces")]
    public void Template_ThatIsBroken_IsRefused(string text, string why) =>
        Assert.Contains(why, Assert.Throws<InvalidDataException>(() => TemplateParser.Parse(text, "t", [])).Message);

    private static string Suffix(Tree workload) => workload.At("metadata.name").Text["grid-finetunegrid".Length..];

    private static bool Selects(Tree labels, Tree workload) =>
        labels.Members.All(l => workload.At("spec.template.metadata.labels").Find(l.Key)?.Text == l.Value.Text);

    [Theory]
    [InlineData("StatefulSet", "-control", "silo-tls")]
    [InlineData("DaemonSet", "-node", "node-tls")]
    public void Tls_ReadsTheSecretOfItsKind(string kind, string name, string secret)
    {
        var workload = One(Objects(Other), kind, name);
        var container = Container(workload);
        var folder = Path.GetDirectoryName(Setting("Certificate"))!;
        Assert.Equal(("tls.crt", Path.Combine(folder, "tls.key"), Path.Combine(folder, "ca.crt")),
            (Path.GetFileName(Setting("Certificate")), Setting("Key"), Setting("Authority")));
        var mount = Assert.Single(container["volumeMounts"].Items, m => m["mountPath"].Text == folder);
        var volume = Assert.Single(workload.At("spec.template.spec.volumes").Items, v => v["name"].Text == mount["name"].Text);
        Assert.Equal(secret, volume.At("secret.secretName").Text);
        Assert.DoesNotContain(Container(One(Objects(Own), kind, name))["env"].Items, e => e["name"].Text.StartsWith("FTG__Tls__", StringComparison.Ordinal));

        string Setting(string which) => Assert.Single(container["env"].Items, e => e["name"].Text == "FTG__Tls__" + which)["value"].Text;
    }

    [GeneratedRegex(@"\.Values((\.[A-Za-z]+)+)")]
    private static partial Regex Use();
}
