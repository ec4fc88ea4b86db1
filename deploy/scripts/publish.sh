# ./grid publish: the programs, each with the .NET runtime it needs, in one folder; what images and services run.

# grid_publish DIR [--packages MODE] [--trainer-packages MODE]
grid_publish() {
    local out=${1:?usage: ./grid publish DIR [--packages nuget|airgap] [--trainer-packages nuget|airgap]} packages="" trainer=""
    shift
    while [ $# -gt 0 ]; do
        case "$1" in
            --packages) packages=${2:?--packages needs nuget or airgap}; shift ;;
            --trainer-packages) trainer=${2:?--trainer-packages needs nuget or airgap}; shift ;;
            *) die "unknown option $1" ;;
        esac
        shift
    done
    need_runtime
    out=$(mkdir -p "$out" && cd "$out" && pwd)
    choose_packages "$packages"
    publish_program FineTuneGrid.Host FineTuneGrid/Host
    publish_program FineTuneGrid.Inspector datasets/Inspector
    publish_program ftg FineTuneGrid/Cli
    # The trainer is a process apart, and may take its libtorch another way than the host its grains.
    choose_packages "${trainer:-$GridPackages}"
    publish_program FineTuneGrid.Trainer trainers/Trainer
    rm -rf "$out/samples"
    cp -r "$ROOT/datasets/samples" "$out/samples"
    note "published to $out"
}

# publish_program NAME PROJECT : into $out/NAME, where the other programs look for it.
publish_program() {
    local name=$1 project=$2 place=$out/$1
    note "publishing $name ($GridPackages)"
    rm -rf "$place"
    dotnet publish "$ROOT/$project" -c Release -r "$(runtime_id)" --self-contained -o "$place" -p:DebugType=none -m:1 -v q --nologo >"$ROOT/.grid/publish.log" 2>&1 ||
        { grep -E 'error|warning' "$ROOT/.grid/publish.log" | sort -u | head -20 >&2; die "$name was not published (log: .grid/publish.log)"; }
    # Parts of programs that this one starts come along with its build, but not whole.
    local other
    for other in FineTuneGrid.Host FineTuneGrid.Inspector FineTuneGrid.Trainer; do
        [ "$other" = "$name" ] || rm -f "$place/$other" "$place/$other".*
    done
    [ "$name" = FineTuneGrid.Trainer ] || rm -f "$place"/libGrid*.so
    chmod -R a+rX "$place"
}

runtime_id() {
    case "$(uname -m)" in
        x86_64) echo linux-x64 ;;
        aarch64) echo linux-arm64 ;;
        *) die "there is no runtime for $(uname -m)" ;;
    esac
}
