# The two package modes (nuget: the real packages; airgap: the subsets in deploy/airgap), and which one this machine can have.

# choose_packages MODE : MODE may be empty (detected once, then remembered in .grid/packages).
choose_packages() {
    local mode=${1:-}
    mkdir -p "$ROOT/.grid"
    use_feed
    if [ -z "$mode" ]; then
        local key remembered=$ROOT/.grid/packages
        key="$(cat "$ROOT/Directory.Packages.props" | cksum) ${GRID_NUGET_FEED:-}"
        if [ -f "$remembered" ] && [ "$(tail -n +2 "$remembered")" = "$key" ]; then
            mode=$(head -1 "$remembered")
        else
            if can_restore_nuget; then mode=nuget; else mode=airgap; fi
            printf '%s\n%s\n' "$mode" "$key" >"$remembered"
            note "package mode: $mode"
        fi
    fi
    case "$mode" in nuget | airgap) ;; *) die "--packages must be nuget, airgap or all, not '$mode'" ;; esac
    if [ "$mode" = airgap ]; then unset GRID_NUGET_FEED OrleansVersion TorchSharpVersion ParquetNetVersion; fi
    export GridPackages=$mode
}

# GRID_NUGET_FEED=DIR: a folder of packages as a further source; the versions found there are the ones used.
use_feed() {
    [ -n "${GRID_NUGET_FEED:-}" ] || return 0
    [ -d "$GRID_NUGET_FEED" ] || die "GRID_NUGET_FEED names no folder: $GRID_NUGET_FEED"
    local version
    version=$(feed_version Microsoft.Orleans.Server); [ -z "$version" ] || export OrleansVersion=$version
    version=$(feed_version TorchSharp); [ -z "$version" ] || export TorchSharpVersion=$version
    version=$(feed_version Parquet.Net); [ -z "$version" ] || export ParquetNetVersion=$version
    version=$(feed_version System.IO.Hashing); [ -z "$version" ] || export SystemIOHashingVersion=$version
}

feed_version() {
    find "$GRID_NUGET_FEED" -maxdepth 1 -name "$1.[0-9]*.nupkg" -printf '%f\n' | sed "s/^$1\.//; s/\.nupkg$//" | sort -V | tail -1
}

# Restores the whole closure into a package folder of its own, so that a half-restored closure never satisfies a later build.
can_restore_nuget() {
    local probe=$ROOT/.grid/probe
    GridPackages=nuget timeout 300 dotnet restore "$ROOT/FineTuneGrid.slnx" -p:GridPackages=nuget \
        -p:RestorePackagesPath="$probe/packages" -p:ArtifactsPath="$probe/artifacts" -v q >"$ROOT/.grid/probe.log" 2>&1
}
